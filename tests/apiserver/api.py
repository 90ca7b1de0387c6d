# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The API over HTTP: discovery, verbs, watches, and the faults that are wanted."""
import base64
import bisect
import gzip
import http.server
import json
import select
import socket
import ssl
import time
import urllib.parse

from objects import merge, selector_of, table
from store import KINDS, Item, Refusal, dump, expired, now

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


class Handler(http.server.BaseHTTPRequestHandler):
    """What the API and the control socket have in common: JSON in, JSON out."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def read_body(self):
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(size)

    def answer(self, code, body, content="application/json", **headers):
        self.status = code
        if len(body) > 128 << 10 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        self.send_response(code)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.send_body(body)
        self.wfile.flush()

    def send_body(self, body):
        self.wfile.write(body)

    def log_message(self, *words):
        pass

    def do_any(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.steps = url.path.strip("/").split("/")
        self.status = 0
        self.body = self.read_body()
        self.serve()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any


class Api(Handler):
    def setup(self):
        self.orders = self.user = None  # orders: what the test wants of a watch
        self.world = self.server.world
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(600)
        self.request = self.world.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.world.connections.add(self)

    def finish(self):
        self.world.connections.discard(self)
        super().finish()

    def serve(self):
        started = time.time()
        self.kind = self.namespace = self.name = self.part = None
        self.user = self.who()
        self.spared = self.user == "admin"
        verb = {"GET": "get", "POST": "create", "PUT": "update"}.get(self.command, self.command.lower())
        try:
            if not self.user:
                raise Refusal(401, "Unauthorized", "Unauthorized")
            self.fault()
            if "protobuf" in self.headers.get("Content-Type", ""):
                raise Refusal(415, "UnsupportedMediaType", "this server reads JSON alone")
            if self.find():
                if self.kind and verb == "get" and not self.name:
                    verb = "watch" if self.query.get("watch") in ("1", "true") else "list"
                if verb == "watch":
                    self.status = 200
                    self.world.log(self, verb, started)
                getattr(self, "verb_" + verb)()
        except Refusal as refusal:
            self.refuse(refusal)
        except (OSError, ssl.SSLError):
            self.close_connection = True
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            self.refuse(Refusal(400, "BadRequest", f"{type(error).__name__}: {error}"))
        if verb != "watch":
            self.world.log(self, verb, started)
        elif self.status != 200:
            self.world.log(self, verb, started)

    def who(self):
        subject = dict(field[0] for field in (self.request.getpeercert() or {}).get("subject", ()))
        if subject:
            return subject["commonName"]
        return "agent" if self.headers.get("Authorization") == "Bearer " + self.world.token else None

    def fault(self):
        world = self.world
        if self.spared:
            return
        time.sleep(world.slow)
        if world.fail_code and world.fail_count != 0:
            world.fail_count -= 1
            raise Refusal(world.fail_code, "InternalError", "the test wants it so")

    def refuse(self, refusal):
        if self.orders is not None:
            self.close_connection = True
        else:
            self.answer(refusal.code, dump(refusal.status))

    def send_body(self, body):
        if self.world.stalled and not self.spared and len(body) > 100:
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            while self.world.stalled and not self.hung_up():
                time.sleep(0.05)
            body = body[len(body) // 2:]
        self.wfile.write(body)

    def hung_up(self):
        """A client that waits for an answer sends nothing but its farewell."""
        return bool(select.select([self.request], [], [], 0)[0])

    # Which resource: true when it is one, else the answer is given.

    def find(self):
        steps = self.steps
        if steps[0] == "api":
            group, rest = "", steps[1:]
        elif steps[0] == "apis":
            group, rest = (steps[1] if len(steps) > 1 else None), steps[2:]
        else:
            return self.plain()
        kinds = [kind for kind in KINDS if kind.served and kind.group == group]
        if steps[0] == "apis" and group is None or not rest:
            return self.groups(group, kinds)
        kinds = [kind for kind in kinds if kind.version == rest[0]]
        if len(rest) == 1:
            return self.resources(group, rest[0], kinds)
        rest = rest[1:]
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            self.namespace, rest = rest[1], rest[2:]
        self.kind = next((kind for kind in kinds if kind.plural == rest[0]), None)
        if not self.kind or len(rest) > 3 or (self.namespace and not self.kind.namespaced):
            return self.lost()
        self.name = rest[1] if len(rest) > 1 else None
        self.part = rest[2] if len(rest) > 2 else None
        if self.part not in (None, "status") or (self.name and self.kind.namespaced and not self.namespace):
            return self.lost()
        self.key = (self.namespace or "", self.name)
        return True

    def lost(self):
        self.answer(404, b"404 page not found\n", "text/plain; charset=utf-8")

    def plain(self):
        if self.steps[0] in ("healthz", "livez", "readyz"):
            code = self.world.ready if self.steps[0] == "readyz" else 200
            self.answer(code, b"ok" if code == 200 else b"not ok", "text/plain")
        elif self.steps[0] == "version":
            self.answer(200, dump({"major": "1", "minor": "20", "gitVersion": "v1.20.2-npctl-test",
                                   "platform": "linux/amd64"}))
        elif self.steps == ["openapi", "v2"]:
            # A document without schemas is empty; kubectl then validates nothing.
            protobuf = "protobuf" in self.headers.get("Accept", "")
            self.answer(200, b"" if protobuf else dump({"swagger": "2.0", "paths": {}}),
                        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf" if protobuf
                        else "application/json")
        else:
            self.lost()

    def groups(self, group, kinds):
        def entry(name):
            versions = sorted({kind.version for kind in KINDS if kind.served and kind.group == name})
            each = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
            return {"name": name, "versions": each, "preferredVersion": each[-1]}

        if group == "":
            self.answer(200, dump({"kind": "APIVersions", "versions": ["v1"]}))
        elif group is None:
            names = dict.fromkeys(kind.group for kind in KINDS if kind.served and kind.group)
            self.answer(200, dump({"kind": "APIGroupList", "apiVersion": "v1",
                                   "groups": [entry(name) for name in names]}))
        elif kinds:
            self.answer(200, dump({"kind": "APIGroup", "apiVersion": "v1", **entry(group)}))
        else:
            self.lost()

    def resources(self, group, version, kinds):
        if not kinds:
            return self.lost()
        rows = []
        for kind in kinds:
            row = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced,
                   "kind": kind.kind, "verbs": VERBS}
            rows.append({**row, "shortNames": [kind.short]} if kind.short else row)
            rows.append({**row, "name": kind.plural + "/status", "verbs": ["get", "patch", "update"]})
        self.answer(200, dump({"kind": "APIResourceList", "apiVersion": "v1", "resources": rows,
                               "groupVersion": f"{group}/{version}" if group else version}))

    # Verbs

    def wants_table(self):
        return "as=Table" in self.headers.get("Accept", "").split(",")[0]

    def answer_item(self, item, code=200):
        self.answer(code, dump(table(self.kind, [item.data], {})) if self.wants_table() else item.text)

    def verb_get(self):
        with self.world.store.changed:
            item = self.world.store.get(self.kind, self.key)
        self.answer_item(item)

    def selected(self, version, start=None):
        """Sorted keys, those behind `start`, and the items of that version."""
        selects = selector_of(self.query)
        items = self.world.store.at(self.kind, version)
        keys = self.world.store.keys_at(self.kind, version)
        if start is not None:
            keys = keys[bisect.bisect_right(keys, start):]
        if selects or self.namespace:
            keys = [key for key in keys if (not self.namespace or key[0] == self.namespace) and
                    (not selects or selects(items[key].data))]
        return keys, items

    def verb_list(self):
        store, limit, start = self.world.store, int(self.query.get("limit") or 0), None
        wanted = self.query.get("resourceVersion") or "0"
        with store.changed:
            version = store.version
            if self.query.get("continue"):
                token = json.loads(base64.urlsafe_b64decode(self.query["continue"]))
                version, start = token["version"], tuple(token["after"])
                if version < store.oldest:
                    raise expired("The provided continue parameter is too old to display a consistent list "
                                  "result. You must start a new list without the continue parameter.")
            elif int(wanted) > version:
                raise Refusal(504, "Timeout", f"Too large resource version: {wanted}, current: {version}")
            rows, items = self.selected(version, start)
            total = len(rows)
            meta = {"resourceVersion": str(version)}
            # The original's cache, which serves resourceVersion=0, knows no pages.
            if limit and total > limit and self.query.get("resourceVersion") != "0":
                token = {"version": version, "after": rows[limit - 1]}
                meta["continue"] = base64.urlsafe_b64encode(dump(token)).decode()
                meta["remainingItemCount"] = total - limit
                rows = rows[:limit]
            rows = [items[key] for key in rows]
        self.items = f"{len(rows)}/{total}"
        self.answer_list(rows, meta)

    def answer_list(self, items, meta):
        if self.world.garbage_list and not self.spared:
            self.world.garbage_list = False
            return self.answer(200, b'{"kind":"PodList","items":[{"metadata":\x00\xff<html>')
        if self.wants_table():
            return self.answer(200, dump(table(self.kind, [item.data for item in items], meta)))
        head = dump({"kind": self.kind.kind + "List", "apiVersion": self.kind.api_version, "metadata": meta})
        self.answer(200, head[:-1] + b',"items":[' + b",".join(item.bare for item in items) + b"]}")

    def verb_create(self):
        if self.name:
            raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        data = json.loads(self.body)
        self.check(data)
        if self.query.get("dryRun"):
            return self.answer_item(Item({**data, "metadata": {**data["metadata"], "creationTimestamp": now()}}), 201)
        kept = data.get("status") if self.kind.plural == "nodes" else None
        self.name = data["metadata"].get("name")
        self.answer_item(self.world.store.create(self.kind, data, kept), 201)

    def check(self, data):
        if (data.get("kind"), data.get("apiVersion")) != (self.kind.kind, self.kind.api_version):
            raise Refusal(400, "BadRequest", f"{data.get('apiVersion')} {data.get('kind')} in the request body is "
                          f"not {self.kind.api_version} {self.kind.kind}")
        meta = data["metadata"]
        if self.namespace and meta.setdefault("namespace", self.namespace) != self.namespace:
            raise Refusal(400, "BadRequest", "the namespace of the provided object does not match the "
                          "namespace sent on the request")
        if not self.kind.namespaced:
            meta.pop("namespace", None)
        if self.name and meta.get("name") != self.name:
            raise Refusal(400, "BadRequest", "the name of the object does not match the name on the URL")

    def verb_update(self):
        data = json.loads(self.body)
        self.check(data)
        dry = bool(self.query.get("dryRun"))
        self.answer_item(self.world.store.update(self.kind, self.key, data, self.part, dry))

    def verb_patch(self):
        how = self.headers.get("Content-Type", "").split(";")[0]
        patch = json.loads(self.body)
        with self.world.store.changed:
            old = self.world.store.get(self.kind, self.key).data
            if how == "application/merge-patch+json":
                data = merge(old, patch)
            elif how == "application/strategic-merge-patch+json" and not self.kind.crd:
                data = merge(old, patch, True)
            else:
                raise Refusal(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {how}")
            self.check(data)
            dry = bool(self.query.get("dryRun"))
            item = self.world.store.update(self.kind, self.key, data, self.part, dry)
        self.answer_item(item)

    def verb_delete(self):
        options = json.loads(self.body or b"{}")
        if self.query.get("dryRun") or options.get("dryRun"):
            return self.verb_get()
        store = self.world.store
        with store.changed:
            keys = [self.key] if self.name else list(self.selected(store.version)[0])
            gone = [store.delete(self.kind, key, options) for key in keys]
        if self.name and "deletionTimestamp" in gone[0].data["metadata"]:
            return self.answer_item(gone[0])
        self.answer(200, dump({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                               "details": {"name": self.name, "kind": self.kind.plural}}))

    # Watch

    def verb_watch(self):
        self.selects = selector_of(self.query)
        store, position = self.world.store, int(self.query.get("resourceVersion") or 0)
        first = []
        with store.changed:
            if position == 0:
                position = store.version
                keys, items = self.selected(position)
                first = [("ADDED", items[key]) for key in keys]
            elif position < store.oldest:
                raise expired(f"too old resource version: {position} ({store.oldest})")
            self.orders, self.position = [], position
            self.world.watches.add(self)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.send_events(first)
            self.follow()
        finally:
            self.world.watches.discard(self)
        self.orders = None

    def follow(self):
        """Until the time is over or somebody wants it to end."""
        store, end = self.world.store, time.monotonic() + int(self.query.get("timeoutSeconds") or 3600)
        every = self.world.bookmarks
        bookmark = time.monotonic() + every
        while time.monotonic() < end:
            with store.changed:
                if self.position < store.oldest:
                    return self.send_error_event(expired())
                if not self.orders and (self.position == store.version or self.silent()):
                    store.changed.wait(0.2)
                orders, self.orders = self.orders, []
                events = [] if self.silent() else store.events[self.position - store.oldest:]
                self.position += len(events)
            self.send_events([(what, event.new) for event in events if event.kind is self.kind
                              and (not self.namespace or event.key[0] == self.namespace)
                              for what in [event.seen(self.selects)] if what])
            for order in orders:
                if not self.obey(order):
                    return
            if time.monotonic() >= bookmark and not self.silent():
                self.send_bookmark()
                bookmark = time.monotonic() + every
            if self.hung_up():
                self.close_connection = True
                return
        self.send_bookmark()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def silent(self):
        return self.world.stalled and not self.spared

    def obey(self, order):
        """False when that was the end of this watch."""
        if order == "bookmark":
            self.send_bookmark()
            return True
        if order == "json":
            self.send_chunk(b'{"type":"MODIFIED","object":}\xff\xfe!\n')
            return True
        self.close_connection = True
        if order == "gone":
            self.send_error_event(expired())
        elif order == "frame":
            self.wfile.write(b"zz\r\nno chunk\r\n\x00\xff")
        elif order == "cut":
            text = b'{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"half'
            self.wfile.write(b"%x\r\n%s" % (len(text) + 999, text))
        self.wfile.flush()
        return False

    def send_chunk(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def send_events(self, events):
        for what, item in events:
            text = dump(table(self.kind, [item.data], {})) if self.wants_table() else item.text
            text = b'{"type":"%s","object":%s}\n' % (what.encode(), text)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def send_bookmark(self):
        if self.query.get("allowWatchBookmarks") not in ("1", "true"):
            return
        self.send_chunk(dump({"type": "BOOKMARK", "object": {
            "kind": self.kind.kind, "apiVersion": self.kind.api_version,
            "metadata": {"resourceVersion": str(self.position), "creationTimestamp": None}}}) + b"\n")

    def send_error_event(self, refusal):
        self.send_chunk(dump({"type": "ERROR", "object": refusal.status}) + b"\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
