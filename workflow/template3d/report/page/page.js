const data = JSON.parse(document.getElementById("data").textContent);
const [category, colours, order, methods, shapes] =
  ["category", "colours", "order", "methods", "shapes"].map(id => document.getElementById(id));
const scale = bytes(data.scale);
const drawing = new Drawing(scale);
const EXPLAINED = {
  colours: "Points of one colour correspond: they have one position in the template. The ground truth and training shapes are grey.",
  grey: "",
  errors: "Distance to the ground truth, in ShapeNet units: the diagonal of a shape is 1. What has no ground truth, the ground truth itself and training shapes are grey.",
};
const TRUTH = "truth";
const turned = {azimuth: 0, elevation: 0, zoom: 1};
const read = new WeakMap();  // meshes that were drawn, by their data
let rows = [], waiting = false;

const element = (name, parent, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return parent ? parent.appendChild(made) : made;
};
const meshOf = packed => {
  if (!read.has(packed)) read.set(packed, new Mesh(packed));
  return read.get(packed);
};

const visible = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) target.row.isVisible = isIntersecting;
  redraw();
}, {rootMargin: "100px"});

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const row of rows) if (row.isVisible) drawRow(row);
  });
}
function drawRow({camera, frame, cards}) {
  if (!drawing.gl || !cards.length) return;
  const pose = posed(camera, turned.azimuth, turned.elevation);
  const aspect = cards[0].canvas.clientWidth / cards[0].canvas.clientHeight;
  const isTurned = turned.azimuth || turned.elevation;
  const [across, down, half] = isTurned ? filled(frame, cards.map(card => meshOf(card.packed)), pose, aspect) : frame;
  for (const {canvas, packed} of cards)
    drawing.draw(canvas, meshOf(packed), pose, [across, down, half / turned.zoom], colours.value);
}
function turn(azimuth, elevation, zoom = 1) {
  turned.azimuth += azimuth;
  turned.elevation = Math.max(-3, Math.min(3, turned.elevation + elevation));
  turned.zoom = Math.max(.3, Math.min(12, turned.zoom * zoom));
  redraw();
}
function listen(canvas) {
  const fingers = new Map();
  const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  canvas.addEventListener("pointerdown", event => {
    fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const [x, y, before] = [event.clientX, event.clientY, fingers.size === 2 && apart()];
    if (fingers.size === 1) turn((x - finger.x) / 120, (y - finger.y) / 120);
    Object.assign(finger, {x, y});
    if (before) turn(0, 0, apart() / before);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => fingers.delete(event.pointerId));
  canvas.addEventListener("wheel", event => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;  // else the page could not be scrolled
    event.preventDefault();
    turn(0, 0, Math.exp(-event.deltaY * (event.ctrlKey ? .01 : .0015)));
  }, {passive: false});
  canvas.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-.2, 0], ArrowRight: [.2, 0], ArrowUp: [0, .15], ArrowDown: [0, -.15], "+": [0, 0, 1.2],
      "-": [0, 0, 1 / 1.2], "0": [-turned.azimuth, -turned.elevation, 1 / turned.zoom]}[event.key];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    turn(...step);
  });
}
function model(parent, row, key, caption, label) {
  const figure = element("figure", parent);
  const packed = row.models[key];
  if (!packed) element("div", figure, "no surface", {class: "card none"});
  else {
    const canvas = element("canvas", figure, undefined, {class: "card", tabindex: 0, role: "img",
      "aria-label": label + "; arrow keys turn it, plus and minus zoom, 0 resets"});
    row.cards.push({canvas, packed});
    listen(canvas);
  }
  const text = element("figcaption", figure, caption + " ");
  if (row.downloads[key]) element("a", text, "GLB", {href: row.downloads[key], download: "", "aria-label": "Download " + label + " as GLB"});
}
function picture(parent, source, caption, label, attributes = {}) {
  const figure = element("figure", parent);
  element("img", figure, undefined, {src: source, alt: label, loading: "lazy", ...attributes});
  element("figcaption", figure, caption);
}
function comparison(parent, errors, caption) {
  // A line for each method and baseline: its Chamfer distance, and a bar.
  const table = element("table", element("figure", parent), undefined, {class: "compared"});
  element("caption", table, caption + ": Chamfer distance × 1000 in ShapeNet units; less is better");
  const most = Math.max(...Object.values(errors));
  for (const [method, name] of Object.entries(data.names)) if (method in errors) {
    const line = element("tr", table, undefined, data.methods.includes(method) ? {class: "ours"} : {});
    element("th", line, name, {scope: "row"});
    element("td", line, errors[method].toFixed(2));
    element("div", element("td", line), undefined, {class: "bar", style: "width:" + 100 * errors[method] / most + "%"});
  }
}
function means(shapes) {
  const numbers = method => shapes.flatMap(shape => shape.errors[method] ?? []);
  return Object.fromEntries(Object.keys(data.names).filter(method => numbers(method).length).map(method =>
    [method, numbers(method).reduce((sum, number) => sum + number, 0) / numbers(method).length]));
}
function card(content, heading, fill) {
  const article = element("article", shapes);
  element("h3", article, heading);
  const row = article.row = {camera: content.camera, frame: content.frame, models: content.models, downloads: content.downloads, cards: [], isVisible: false};
  fill(element("div", article, undefined, {class: "row"}), row);
  rows.push(row);
  visible.observe(article);
}
function show() {
  visible.disconnect();
  shapes.replaceChildren();
  rows = [];
  const content = data.categories[category.value], of = category.value;
  const shown = [...methods.querySelectorAll("input:checked")].map(box => box.value);
  const trained = shown.filter(method => data.methods.includes(method));
  document.documentElement.style.setProperty("--aspect", content.aspect);
  card(content.template, "The template: the one shape that all " + of + " are warps of", (parent, row) => {
    for (const method of trained) model(parent, row, method, data.names[method], "Template of " + of + ", " + data.names[method]);
    comparison(parent, means(content.shapes), "Mean of the test shapes shown");
  });
  for (const photo of content.photos) card(photo, "Your photo " + photo.name, (parent, row) => {
    const words = "what the encoder saw; background: " + photo.background + "; confidence: " + photo.confidence;
    picture(parent, photo.picture, words, "Photo " + photo.name, {class: "card"});
    for (const method of "published" in photo.models ? ["published"] : trained) model(parent, row, method, data.names[method], data.names[method] + " of " + photo.name);
  });
  const error = shape => shape.errors[shown[0]] ?? Infinity;
  for (const shape of [...content.shapes].sort((a, b) => order.value * (error(a) - error(b)))) card(shape, shape.name, (parent, row) => {
    picture(parent, shape.picture, "what the encoder saw", "View of " + shape.name, {class: "card"});
    model(parent, row, TRUTH, "ground truth", "Ground truth of " + shape.name);
    for (const method of shown) if (method in shape.models) {
      const number = method in shape.errors ? ": " + shape.errors[method].toFixed(2) : "";
      model(parent, row, method, data.names[method] + number, data.names[method] + " of " + shape.name);
    }
    comparison(parent, shape.errors, "This shape");
  });
  const figures = document.getElementById("figures");
  figures.replaceChildren();
  for (const {source, caption} of content.figures) picture(figures, source, caption, caption);
  recolour();
}
function recolour() {
  const count = data.categories[category.value].shapes.length + " test shapes of " + category.value + ". ";
  const missing = "This browser has no WebGL 2, so shapes cannot be drawn; their files can be downloaded. ";
  document.getElementById("explained").textContent = count + (drawing.gl ? EXPLAINED[colours.value] : missing);
  document.getElementById("scale").hidden = colours.value !== "errors";
  redraw();
}
const legend = document.querySelector("#scale canvas").getContext("2d");
legend.putImageData(new ImageData(Uint8ClampedArray.from({length: 1024}, (_, i) => i % 4 === 3 ? 255 : scale[3 * (i >> 2) + i % 4]), 256, 1), 0, 0);
document.getElementById("farthest").textContent = data.farthest + " ShapeNet units and more";
for (const name of Object.keys(data.categories)) element("option", category, name, {value: name});
const drawable = new Set(Object.values(data.categories).flatMap(content => content.shapes.flatMap(shape => Object.keys(shape.models))));
for (const [method, name] of Object.entries(data.names)) if (drawable.has(method)) {
  const label = element("label", methods);
  element("input", label, undefined, {type: "checkbox", value: method}).checked = data.methods.includes(method);
  label.append(" " + name);
}
for (const select of [category, order, methods]) select.addEventListener("change", show);
colours.addEventListener("change", recolour);
window.addEventListener("resize", redraw);
show();
