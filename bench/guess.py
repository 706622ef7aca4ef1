#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can users be told from how long answers take (security.md 6)?  Usage: script/bench guess [--tries N]

Asks in turn for a user that there is and for one that there is not, for each kind of request without and with wrong credentials, and compares
the medians.  They may differ by 5 %.  The control asks for the same user twice: what differs there is what the machine does."""
import argparse
import pathlib
import statistics
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "test"))
from harness.addresses import Addresses  # noqa: E402
from harness.rawsip import RawSip  # noqa: E402
from harness.server import Server  # noqa: E402

MOST = 0.05
KNOWN, UNKNOWN = "101", "177"


# What is asked, as (method, who asks, whom it is for): * is the user to be guessed.
QUESTIONS = (("REGISTER", "*", "*"), ("INVITE", "*", "102"), ("INVITE", "probe", "*"), ("OPTIONS", "probe", "*"), ("SUBSCRIBE", "*", "*"))


def final(peer, call_id, cseq):
    while True:
        answer = peer.final()
        assert answer, "no answer"
        if answer.get("Call-ID") == call_id and answer.get("CSeq").startswith(f"{cseq} "):
            return answer


def asked(peer, question, guess, wrong):
    """Seconds until the final answer, and what it is."""
    method, who, whom = question[0], question[1].replace("*", guess), question[2].replace("*", guess)
    to = f"sip:{whom}@{peer.domain}"
    uri = f"sip:{peer.domain}" if method == "REGISTER" else to
    ids = {"call_id": uuid.uuid4().hex, "from_tag": uuid.uuid4().hex[:8]}

    def request(cseq, *headers):
        return peer.request(method, uri, user=who, to=to, cseq=cseq, headers=headers, **ids)

    def end(answer, cseq):
        if method == "INVITE":
            peer.ack(answer, uri, who, ids["call_id"], ids["from_tag"], cseq)
    text, cseq = request(1), 1
    if wrong:
        peer.send(text)
        challenge = final(peer, ids["call_id"], 1)
        end(challenge, 1)
        if challenge.status not in (401, 407):
            return 0.0, challenge.status
        text, cseq = request(2, peer.authorization(challenge, method, uri, who, "wrong")), 2
    begin = time.perf_counter()
    peer.send(text)
    answer = final(peer, ids["call_id"], cseq)
    took = time.perf_counter() - begin
    end(answer, cseq)
    return took, answer.status


def compare(peer, question, users, wrong, tries):
    times, statuses = ([], []), (set(), set())
    for i in range(2 * tries):
        which = i % 2
        took, status = asked(peer, question, users[which], wrong)
        times[which].append(took)
        statuses[which].add(status)
    first, second = (statistics.median(t) for t in times)
    return first, second, statuses


def main():
    given = argparse.ArgumentParser()
    given.add_argument("--tries", type=int, default=1000)
    tries = given.parse_args().tries
    addresses = Addresses()
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        server = Server(pathlib.Path(directory) / "server", addresses.new(), release=True).start(60)
        peer = RawSip(addresses.new(), server.ip, domain=server.domain)
        try:
            server.post("/api/address_rules", {"network": peer.host, "action": "allow"}, who="admin")
            for question in QUESTIONS:
                for wrong in False, True:
                    there, missing, statuses = compare(peer, question, (KNOWN, UNKNOWN), wrong, tries)
                    if not there:
                        continue  # it is answered without credentials
                    one, again, _ = compare(peer, question, (KNOWN, KNOWN), wrong, tries)
                    apart, noise = abs(there - missing) / there, abs(one - again) / one
                    bad = apart > MOST or statuses[0] != statuses[1]
                    failed += bad
                    print(f"{' '.join(question)}{' with wrong credentials' if wrong else ''}: {sorted(statuses[0])} after {there * 1e6:.0f} us, "
                          f"{sorted(statuses[1])} after {missing * 1e6:.0f} us: {apart:.1%} apart (control {noise:.1%})"
                          f"{'  TOO MUCH' if bad else ''}", flush=True)
        finally:
            peer.close()
            server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
