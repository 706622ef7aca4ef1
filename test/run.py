#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every test runner in order, fast ones first, and sums them in one last line.

A runner is a command and a way to read how many tests passed, failed and were skipped.  A runner that ran nothing, or
whose numbers cannot be read, counts as a failure.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEST_BUILD = os.path.join(ROOT, "build-test")      # ASan, UBSan, thread assertions
RELEASE_BUILD = os.path.join(ROOT, "build")        # as it is shipped: load tests
ENV = dict(os.environ, OFFHOOK_TEST_BUILD=TEST_BUILD, OFFHOOK_RELEASE_BUILD=RELEASE_BUILD,
           ASAN_OPTIONS="detect_leaks=1:abort_on_error=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
           PYTHONDONTWRITEBYTECODE="1")
LAST_LINES = 12                                    # of what a failed unit test said
FAILURES = []                                      # what the summary says of each test that failed


def call(command, **more):
    return subprocess.run(command, cwd=ROOT, env=ENV, stdin=subprocess.DEVNULL, check=False, **more).returncode


def build(folder, *options):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        if call(["meson", "setup", folder, *options]):
            return False
    return call(["meson", "compile", "-C", folder]) == 0


def build_all():
    """A build that fails is one failed test; there is nothing to run then."""
    ok = build(TEST_BUILD, "-Dtest_build=true", "-Db_sanitize=address,undefined", "-Db_lundef=false")
    ok = ok and call(["script/build"]) == 0
    return (2, 0, 0) if ok else (0, 1, 0)


def meson(*suites):
    log = os.path.join(TEST_BUILD, "meson-logs", "testlog.json")

    def run():
        if os.path.exists(log):
            os.unlink(log)
        words = [w for s in suites for w in ("--suite", s)]
        code = call(["meson", "test", "-C", TEST_BUILD, "--no-rebuild", "--print-errorlogs", *words])
        passed = failed = skipped = 0
        if os.path.exists(log):
            for line in open(log):
                test = json.loads(line)
                if test["result"] in ("OK", "EXPECTEDFAIL"):  # a control that failed as it must
                    passed += 1
                elif test["result"] == "SKIP":
                    skipped += 1
                else:
                    failed += 1
                    said = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
                    FAILURES.append("\n".join([f"FAILED {test['name']}: {test['result']}", *said[-LAST_LINES:]]))
        if code and not failed:
            failed = 1
        return passed, failed, skipped
    return run


def summary(lines, code):
    """What pytest counted, in its last line."""
    last = next((line for line in reversed(lines) if re.search(r"\d+ (passed|failed|error)|no tests ran", line)), "")

    def count(word):
        found = re.search(rf"(\d+) {word}", last)
        return int(found.group(1)) if found else 0
    passed, failed, skipped = count("passed"), count("failed") + count("error"), count("skipped")
    return passed, failed or (1 if code else 0), skipped


def files_of(folder):
    """Its test files, the largest first."""
    files = [os.path.join(folder, f) for f in os.listdir(os.path.join(ROOT, folder)) if re.fullmatch(r"test_\w+\.py", f)]
    return sorted(files, key=lambda f: (-os.path.getsize(os.path.join(ROOT, f)), f))


def shares(folder, n):
    """n lists of about the same size: most of a test's time is waiting, so n at a time are nearly n times as fast."""
    lists = [[] for _ in range(n)]
    for i, file in enumerate(files_of(folder)):
        turn, place = divmod(i, n)
        lists[n - 1 - place if turn % 2 else place].append(file)
    return lists


def pytest(*parts):
    """Runs each part, (command before, paths), at the same time as the others; each has addresses of its own."""
    def run():
        running = []
        for number, (before, paths) in enumerate(parts):
            out = tempfile.TemporaryFile("w+")
            command = [*before, "/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--durations=5", "-rfE", *paths]
            running.append((out, subprocess.Popen(command, cwd=ROOT, env=dict(ENV, OFFHOOK_TEST_PART=str(number)),
                                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)))
        total = (0, 0, 0)
        for out, process in running:
            code = process.wait()
            out.seek(0)
            lines = out.readlines()
            FAILURES.extend(line.rstrip() for line in lines if re.match(r"(FAILED|ERROR) ", line))
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
            counts = summary(lines, code)
            if not any(counts):
                counts = (0, 1, 0)  # a part that ran nothing
            total = tuple(a + b for a, b in zip(total, counts))
        return total
    return run


RUNNERS = [
    ("build", build_all),
    ("lint", meson("lint")),
    ("unit", meson("unit")),
    ("corpus", meson("corpus")),
    ("store", meson("store")),
    ("sim", meson("sim")),
    # on SQLite and on PostgreSQL
    ("api", pytest(((), ["test/api"]), (["test/store/with-postgres"], ["test/api"]))),
    ("sip", pytest(*(((), share) for share in shares("test/sip", 4)))),
    ("phones", pytest(*(((), share) for share in shares("test/phones", 2)))),
    ("crash", pytest(((), ["test/crash"]))),
    ("load", pytest(((), ["test/load/test_load.py"]))),
]


def main():
    if "--list" in sys.argv:
        print("\n".join(name for name, _ in RUNNERS))
        return 0
    chosen = sys.argv[1:]
    unknown = [c for c in chosen if c not in dict(RUNNERS)]
    if unknown:
        print(f"no such runner: {', '.join(unknown)}; see --list", file=sys.stderr)
        return 2
    total = [0, 0, 0]
    rows = []
    for name, run in RUNNERS:
        if chosen and name not in chosen and name != "build":
            continue
        print(f"=== {name}", flush=True)
        start = time.monotonic()
        counts = list(run())
        if not any(counts):
            counts[1] = 1
            print(f"{name}: ran nothing, which counts as a failure")
        rows.append((name, counts, time.monotonic() - start))
        total = [a + b for a, b in zip(total, counts)]
        if name == "build" and counts[1]:
            break
    print("\n=== summary")
    for failure in FAILURES:
        print(failure)
    for name, counts, seconds in rows:
        print(f"{name:8} {counts[0]:5} passed {counts[1]:3} failed {counts[2]:3} skipped {seconds:7.1f} s")
    skipped = f", {total[2]} skipped" if total[2] else ""
    print(f"{total[0]} passed, {total[1]} failed{skipped}", flush=True)
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
