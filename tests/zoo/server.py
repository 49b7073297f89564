"""A web server for tests: serves one folder, and misbehaves when it is told to."""

import contextlib
import http.server
import re
import threading
from dataclasses import dataclass, field


@dataclass
class Served:
    """What a server serves, how, and what it was asked for.

    Attributes:
      address: of the folder.
      break_after: bytes after which the connection of the next answers end; one entry
        per answer.
      status: of every answer, if not 0.
      ranges: whether parts of files are sent.
      tag: version of all files.
      asked: the `Range` header of each request, empty if there was none.
    """

    address: str = ""
    break_after: list[int] = field(default_factory=list)
    status: int = 0
    ranges: bool = True
    tag: str = '"1"'
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(folder):
    """Serves the files of a folder while the block runs."""
    served = Served()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range", "")
            served.asked.append(wanted)
            path = folder / self.path.lstrip("/")
            if served.status or not path.is_file():
                self.send_error(served.status or 404)
                return
            data = path.read_bytes()
            start = 0
            if wanted and served.ranges and self.headers["If-Range"] == served.tag:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
                if start >= len(data):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(data) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - start))
            if served.tag:
                self.send_header("ETag", served.tag)
            self.end_headers()
            end = len(data)
            if served.break_after:
                end = start + served.break_after.pop(0)
            self.wfile.write(data[start:end])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
