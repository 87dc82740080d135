#!/usr/bin/env bash
# The Python of .venv. All our processes start here, so this is the one place that clears what would change their
# results or break their imports. docs/installation.md lists the variables and the reasons.
folder=${BASH_SOURCE[0]%/*}
[ -e "$folder/../interpreter/python" ] || folder=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
unset CDPATH  # with it, cd would print what it found
venv=$(cd -- "$folder/.." && pwd)
set -f        # no entry of a list of folders is a pattern

unset PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS PYTHONUSERBASE PYTHONDEVMODE PYTHONINSPECT
unset MPLBACKEND MATPLOTLIBRC DISPLAY WAYLAND_DISPLAY NVIDIA_TF32_OVERRIDE TORCH_ALLOW_TF32_CUBLAS_OVERRIDE
for name in $(compgen -e); do
    case $name in OCIO* | BLENDER_* | CYCLES_*) unset "$name" ;; esac
done

keep() {  # of a list of folders ($2), those that pass a test ($1)
    local kept= entry IFS=:
    for entry in $2; do
        if "$1" "$entry"; then kept=$kept${kept:+:}$entry; fi
    done
    echo "$kept"
}
is_ours() { [ -d "$1/template3d" ]; }           # conda environments find the library by PYTHONPATH
has_gpu_driver() { [ -e "$1/libcuda.so.1" ]; }  # in some containers the driver is found by LD_LIBRARY_PATH only
PYTHONPATH=$(keep is_ours "${PYTHONPATH-}")
LD_LIBRARY_PATH=$(keep has_gpu_driver "${LD_LIBRARY_PATH-}")

if [ -d "$venv/system" ]; then  # libraries that envs/system_libraries.py unpacked
    for libraries in "$venv"/system/{usr/,}lib/x86_64-linux-gnu; do
        [ -d "$libraries" ] && LD_LIBRARY_PATH=$LD_LIBRARY_PATH${LD_LIBRARY_PATH:+:}$libraries
        [ -d "$libraries/dri" ] && export LIBGL_DRIVERS_PATH=$libraries/dri
        [ -d "$libraries/gbm" ] && export GBM_BACKENDS_PATH=$libraries/gbm
    done
    export __EGL_VENDOR_LIBRARY_DIRS=$venv/system/usr/share/glvnd/egl_vendor.d:/etc/glvnd/egl_vendor.d:/usr/share/glvnd/egl_vendor.d
fi
if [ -n "$PYTHONPATH" ]; then export PYTHONPATH; else unset PYTHONPATH; fi
if [ -n "$LD_LIBRARY_PATH" ]; then export LD_LIBRARY_PATH; else unset LD_LIBRARY_PATH; fi

# Caches go where the user has them, or below .venv, or to a folder for temporary files: the first that can be written.
for cache in "${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}" "$venv/cache" "${TMPDIR:-/tmp}/template3d-$UID"; do
    { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null && break
done
export XDG_CACHE_HOME=$cache
export MPLCONFIGDIR=$cache/template3d/matplotlib  # not the user's own, whose matplotlibrc would change the figures

exec -a "$0" "$venv/interpreter/python" "$@"
