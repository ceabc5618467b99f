# The application of a region, for the tests of HAProxy's configuration: tells what it was
# asked (JSON), counts a body while it comes (/upload), answers slowly in pieces (/slow),
# speaks WebSocket (/socket, one frame echoed), answers nothing to who says so (X-Hold: its
# region) and tells of whom it held. Started by MultiRegion::Edges:
#   application.py REGION PORT
import base64
import hashlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

region, port = sys.argv[1], int(sys.argv[2])
held = []  # methods


class Application(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def tell(self):
        if self.headers.get('X-Hold') == region:
            held.append(self.command)
            self.rfile.read()
            self.close_connection = True
            return
        length = int(self.headers.get('Content-Length') or 0)
        count = 0
        while count < length:
            part = self.rfile.read(min(65536, length - count))
            if not part:
                return
            count += len(part)
        body = json.dumps({'region': region, 'path': self.path, 'held': held, 'method': self.command, 'bytes': count,
                           'headers': {k.lower(): ', '.join(self.headers.get_all(k)) for k in self.headers}}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('X-Multiregion-Token', 'mr1.token')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def slow(self):
        self.send_response(200)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for number in range(3):
            self.wfile.write(b'6\r\npart %d\r\n' % number)
            self.wfile.flush()
            time.sleep(0.3)
        self.wfile.write(b'0\r\n\r\n')

    def socket(self):
        key = self.headers['Sec-WebSocket-Key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
        self.send_response(101)
        self.send_header('Upgrade', 'websocket')
        self.send_header('Connection', 'Upgrade')
        self.send_header('Sec-WebSocket-Accept', base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        head = self.rfile.read(2)
        length = head[1] & 127
        mask = self.rfile.read(4)
        text = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
        self.wfile.write(bytes([0x81, length]) + text)
        self.close_connection = True

    def do_GET(self):
        if self.path == '/slow':
            self.slow()
        elif self.path == '/socket':
            self.socket()
        else:
            self.tell()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = tell


ThreadingHTTPServer(('127.0.0.1', port), Application).serve_forever()
