"""The operator API for tests: one connection, kept open, opened again when the server comes back."""
import http.client
import json
import ssl
import time
import urllib.parse


class Refused(Exception):
    """The server answered, and not with 2xx."""

    def __init__(self, text, status=0):
        super().__init__(text)
        self.status = status


class OperatorApi:
    def __init__(self, url, ca_file, token_file):
        self.where = urllib.parse.urlsplit(url)
        self.tls = ssl.create_default_context(cafile=ca_file)
        with open(token_file, encoding="ascii") as f:
            self.headers = {"Authorization": "Bearer " + f.read().strip(), "Content-Type": "application/json"}
        self.connection = None

    def call(self, method, path, body=None, raw=None):
        """The reply's JSON; `raw`: bytes instead of a JSON body. OSError or http.client.HTTPException: no answer,
        whatever became of the request."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.where.hostname, self.where.port, timeout=20,
                                                              context=self.tls)
            self.connection.request(method, path, raw if body is None else json.dumps(body), self.headers)
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if reply.status // 100 != 2:
            raise Refused(f"{method} {path}: {reply.status} {text.decode(errors='replace')}", reply.status)
        return json.loads(text)

    def get(self, path):
        """Once more on a new connection: the one kept open may be that of a server that is no more."""
        try:
            return self.call("GET", path)
        except (OSError, http.client.HTTPException):
            return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def wait_until(claim, seconds, what):
    """Ask `claim` until it gives something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        result = claim()
        if result:
            return result
        if time.monotonic() >= end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
