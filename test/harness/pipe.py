# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to the server that can be cut: bytes of TCP connections, passed on as they are."""
import socket
import threading


class Pipe:
    def __init__(self, ip, port, to):
        self.to, self.pairs, self.taken = to, [], 0
        self.listener = socket.create_server((ip, port))
        self.ip = ip
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.to, source_address=(self.ip, 0))
            except OSError:
                return
            self.pairs.append((near, far))
            self.taken += 1
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(a, b), daemon=True).start()

    @staticmethod
    def _pass(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """All that there are; new ones are taken."""
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def stop(self):
        self.listener.close()
        self.cut()
