import subprocess
import sys

JOB = """
import sys
from template3d import logs
from template3d.errors import InputError
with logs.to(sys.argv[1], go_on=True) as log:
    log.info("begun")
    raise {error}
"""


def test_a_jobs_last_words_stand_in_its_log(tmp_path):
    file = tmp_path / "job.log"
    for error in ('InputError("the sentence")', 'OSError(28, "no space")', 'KeyError("unforeseen")'):
        job = subprocess.run([sys.executable, "-c", JOB.format(error=error), file], capture_output=True, text=True)
        assert job.returncode == 1
        assert job.stderr.count("begun") == 1
    said = file.read_text()
    assert said.count("begun") == 3
    assert "the sentence\n" in said
    assert "make room and run snakemake again" in said
    assert "Traceback" in said
    assert "KeyError: 'unforeseen'" in said
