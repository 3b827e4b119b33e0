"""Serves a Roundup tracker on loopback. Roundup's own server refuses to run as root; this is its WSGI application."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from roundup.cgi.wsgi_handler import RequestDispatcher


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


home, port = sys.argv[1], int(sys.argv[2])
make_server("127.0.0.1", port, RequestDispatcher(home), handler_class=Quiet).serve_forever()
