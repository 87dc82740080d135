"use strict";
// Draws meshes by WebGL. One hidden canvas draws for all cards, because browsers allow only a few WebGL contexts.
const VERTEX = `#version 300 es
  in vec3 position; in vec3 normal; in vec3 colour; in float error;
  uniform vec3 low, centre, shift, frame;  // frame: centre and half height of what is shown, at distance 1
  uniform mat3 turn;
  uniform float size, focal, aspect, depth;
  uniform int shown;
  uniform sampler2D scale;
  out vec3 at, along, paint;
  void main() {
    at = turn * (low + size * position - centre) + shift;  // in the camera: x right, y down, z forward
    along = turn * normal;
    paint = shown == 0 ? colour : shown == 1 ? texture(scale, vec2(error * .996 + .002, .5)).rgb : vec3(.72, .75, .78);
    float near = max(shift.z - depth, .01), far = shift.z + depth;
    vec2 image = (focal * at.xy - frame.xy * at.z) / frame.z;
    gl_Position = vec4(image.x / aspect, -image.y, ((far + near) * at.z - 2. * far * near) / (far - near), at.z);
  }`;
const FRAGMENT = `#version 300 es
  precision highp float;
  in vec3 at, along, paint;
  uniform bool flatly;
  out vec4 pixel;
  void main() {
    vec3 n = normalize(flatly ? cross(dFdx(at), dFdy(at)) : along);
    if (dot(n, at) > 0.) n = -n;  // the side that is seen, whatever the face's winding
    float light = .52 + .42 * max(dot(n, normalize(vec3(-.45, -.75, -.5))), 0.) + .2 * max(-n.z, 0.);
    pixel = vec4(paint * light, 1.);
  }`;
const STEPS = 65535;  // of packed_meshes.py

const bytes = text => Uint8Array.from(atob(text), character => character.charCodeAt(0));

class Mesh {
  // A packed mesh, read: vertices in the frame of the shape, and what is drawn of it.
  constructor({low, size, vertices, faces, colours, errors}) {
    const steps = new Uint16Array(bytes(vertices).buffer);
    this.low = low;
    this.size = size;
    this.points = Float32Array.from(steps, step => step / STEPS);
    const indices = bytes(faces).buffer;
    this.faces = this.points.length / 3 > 65536 ? new Uint32Array(indices) : new Uint16Array(indices);
    this.colours = colours && bytes(colours);
    this.errors = errors && bytes(errors);
  }
  normals() {
    // Of the vertices, weighted by the areas of their faces.
    const {points, faces} = this, sums = new Float32Array(points.length);
    for (let face = 0; face < faces.length; face += 3) {
      const [a, b, c] = [3 * faces[face], 3 * faces[face + 1], 3 * faces[face + 2]];
      const [ux, uy, uz] = [0, 1, 2].map(axis => points[b + axis] - points[a + axis]);
      const [vx, vy, vz] = [0, 1, 2].map(axis => points[c + axis] - points[a + axis]);
      const cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      for (const corner of [a, b, c]) for (let axis = 0; axis < 3; axis++) sums[corner + axis] += cross[axis];
    }
    return sums;
  }
}

class Drawing {
  constructor(scale) {
    // `scale`: 256 colours (RGB) from no distance to the farthest.
    this.canvas = document.createElement("canvas");
    const gl = this.gl = this.canvas.getContext("webgl2", {antialias: true});
    if (!gl) return;
    this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.program));
    gl.useProgram(this.program);
    gl.enable(gl.DEPTH_TEST);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, 256, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, scale);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    this.buffers = new WeakMap();
    this.uniforms = Object.fromEntries([..."low centre shift frame turn size focal aspect depth shown flatly".split(" ")]
      .map(name => [name, gl.getUniformLocation(this.program, name)]));
  }
  prepared(mesh) {
    // The mesh in the memory of the GPU.
    const {gl} = this;
    if (this.buffers.has(mesh)) return this.buffers.get(mesh);
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const attribute = (name, values, length, kind, whole) => {
      const index = gl.getAttribLocation(this.program, name);
      if (!values) return;
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(index);
      gl.vertexAttribPointer(index, length, kind, whole, 0, 0);
    };
    attribute("position", mesh.points, 3, gl.FLOAT, false);
    attribute("normal", mesh.normals(), 3, gl.FLOAT, false);
    attribute("colour", mesh.colours, 3, gl.UNSIGNED_BYTE, true);
    attribute("error", mesh.errors, 1, gl.UNSIGNED_BYTE, true);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.faces, gl.STATIC_DRAW);
    this.buffers.set(mesh, array);
    return array;
  }
  draw(card, mesh, pose, frame, shown) {
    // Draw a mesh on a card, a canvas. `pose` is of `posed`; `shown` is colours, errors or grey.
    const {gl, uniforms} = this;
    const pixels = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [card.clientWidth, card.clientHeight].map(side => Math.max(1, Math.round(side * pixels)));
    [this.canvas.width, this.canvas.height] = [card.width, card.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.bindVertexArray(this.prepared(mesh));
    for (const name of ["low", "centre", "shift", "frame"]) gl.uniform3fv(uniforms[name], {...mesh, ...pose, frame}[name]);
    for (const [name, value] of [["size", mesh.size], ["focal", pose.focal], ["aspect", width / height], ["depth", 1.5]])
      gl.uniform1f(uniforms[name], value);
    gl.uniformMatrix3fv(uniforms.turn, true, pose.turn);
    gl.uniform1i(uniforms.shown, mesh[shown] ? ["colours", "errors"].indexOf(shown) : 2);
    gl.uniform1i(uniforms.flatly, mesh.colours ? 0 : 1);  // meshes of a network are smooth
    gl.drawElements(gl.TRIANGLES, mesh.faces.length, mesh.faces.BYTES_PER_ELEMENT === 4 ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT, 0);
    card.getContext("2d").drawImage(this.canvas, 0, 0);
    card.dataset.drawn = "yes";
  }
}

const product = (a, b) => [0, 3, 6].flatMap(row => [0, 1, 2].map(column =>
  a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6]));

function posed({pose, focal, centre}, azimuth, elevation) {
  // A camera (3 x 4, world to camera), turned about the shape's centre: about its vertical by `azimuth`, and up by
  // `elevation` as far as above it or below it, in radians.
  const rotation = [0, 4, 8].flatMap(row => pose.slice(row, row + 3));
  const shift = [0, 4, 8].map(row => pose[row] * centre[0] + pose[row + 1] * centre[1] + pose[row + 2] * centre[2] + pose[row + 3]);
  const first = -Math.asin(rotation[7]), most = 1.5;
  const up = Math.max(-most, Math.min(most, first + elevation)) - first;
  const [c, s, cu, su] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(up), Math.sin(up)];
  const turn = product(product([1, 0, 0, 0, cu, -su, 0, su, cu], rotation), [c, 0, s, 0, 1, 0, -s, 0, c]);
  return {turn, shift, focal, centre};
}

function filled([across, down, half], meshes, pose, aspect, margin = 1.08) {
  // The frame, larger where meshes would leave it; the margin is that of gallery_content.py.
  for (const {points, low, size} of meshes) {
    const start = low.map((value, axis) => value - pose.centre[axis]);
    for (let point = 0; point < points.length; point += 3) {
      const at = [0, 1, 2].map(axis => start[axis] + size * points[point + axis]);
      const [x, y, z] = [0, 3, 6].map((row, axis) =>
        pose.turn[row] * at[0] + pose.turn[row + 1] * at[1] + pose.turn[row + 2] * at[2] + pose.shift[axis]);
      half = Math.max(half, margin * Math.abs(pose.focal * x / z - across) / aspect, margin * Math.abs(pose.focal * y / z - down));
    }
  }
  return [across, down, half];
}
