import subprocess
import sys

JOB = """
import logging, sys
from template3d.runtime import logs
from template3d.runtime.errors import InputError
with logs.to(sys.argv[1], append=True) as log:
    log.info("begun")
    logging.getLogger("fontTools.subset").info("every glyph")
    logging.getLogger("fontTools.subset").warning("no such glyph")
    raise {error}
"""
HOLDER = """
import subprocess, sys
program = "import os, sys; from pathlib import Path; from template3d.runtime import locks\\n"
program += "with locks.only(Path(sys.argv[1])): print(os.getpid(), flush=True); sys.stdin.read()"
subprocess.run([sys.executable, "-c", program, sys.argv[1]])
"""


def test_a_jobs_error_is_in_its_log(tmp_path):
    file = tmp_path / "job.log"
    for error in ('InputError("the sentence")', 'OSError(28, "no space")', 'KeyError("unforeseen")'):
        job = subprocess.run([sys.executable, "-c", JOB.format(error=error), file], capture_output=True, text=True)
        assert job.returncode == 1
        assert job.stderr.count("begun") == 1
    text = file.read_text()
    assert text.count("begun") == 3
    assert "every glyph" not in text
    assert "no such glyph" in text
    assert "the sentence\n" in text
    assert "make room and run snakemake again" in text
    assert "Traceback" in text
    assert "KeyError: 'unforeseen'" in text


def test_a_second_process_on_a_job_stops_with_a_sentence_and_leaves_the_log_as_it_is(tmp_path):
    file = tmp_path / "job.log"
    (tmp_path / "snakemake").write_text(HOLDER)
    holder = [sys.executable, tmp_path / "snakemake", file]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        pid = first.stdout.readline().strip()
        file.write_text("of the first one\n")
        command = [sys.executable, "-c", JOB.format(error='InputError("never raised")'), file]
        job = subprocess.run(command, capture_output=True, text=True)
        first.stdin.close()
    assert job.returncode == 1
    assert f"pid {pid} on" in job.stderr
    assert "begun" not in job.stderr
    assert file.read_text() == "of the first one\n"
