# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Objects by kind, each change a version; what was, as long as history goes back."""
import datetime
import json
import random
import re
import threading
import uuid

from objects import dig

POLICIES = "policy.networking.k8s.io"


class Kind:
    def __init__(self, group, version, plural, kind, namespaced=False, short="", crd=False):
        self.group, self.version, self.plural, self.kind = group, version, plural, kind
        self.namespaced, self.short, self.crd = namespaced, short, crd
        self.served = True
        self.api_version = f"{group}/{version}" if group else version


KINDS = [
    Kind("", "v1", "namespaces", "Namespace", short="ns"),
    Kind("", "v1", "nodes", "Node", short="no"),
    Kind("", "v1", "pods", "Pod", True, "po"),
    Kind("", "v1", "services", "Service", True, "svc"),
    Kind("", "v1", "configmaps", "ConfigMap", True, "cm"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", True, "sa"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", True, "ds"),
    Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"),
    Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding"),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, "netpol"),
    Kind(POLICIES, "v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy", short="cnp", crd=True),
    Kind(POLICIES, "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", short="anp", crd=True),
    Kind(POLICIES, "v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy",
         short="banp", crd=True),
]


class Refusal(Exception):
    """What the API answers instead, as a Status object."""

    def __init__(self, code, reason, message, **more):
        super().__init__(message)
        self.code = code
        self.status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "message": message, "reason": reason, "code": code, **more}


def expired(message="The resourceVersion for the provided watch is too old."):
    return Refusal(410, "Expired", message)


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Item:
    """One version of one object: never changed, so threads may share it."""

    def __init__(self, data):
        self.data = data
        # In a list the original's items have no kind; alone they have.
        self.bare = dump({name: value for name, value in data.items() if name not in ("kind", "apiVersion")})
        self.text = dump({"kind": data["kind"], "apiVersion": data["apiVersion"]})[:-1] + b"," + self.bare[1:]


class Event:
    def __init__(self, kind, key, old, new, deleted):
        self.kind, self.key, self.old, self.new, self.deleted = kind, key, old, new, deleted

    def seen(self, selects):
        """ADDED, MODIFIED, DELETED as a watch with this selector sees it, or None."""
        before = self.old is not None and (not selects or selects(self.old.data))
        after = not self.deleted and (not selects or selects(self.new.data))
        return {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}.get((before, after))


class Store:
    """All writes go through commit(): one version, one event."""

    def __init__(self, history):
        self.changed = threading.Condition(threading.RLock())
        self.version = self.oldest = random.randrange(1000, 100000)
        self.history = history
        self.events = []  # of the versions after `oldest`
        self.items = {kind: {} for kind in KINDS}
        self.sorted = {}
        self.cluster_ip = 0
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self.create(KINDS[0], {"metadata": {"name": name}})

    def commit(self, kind, key, data):
        with self.changed:
            old = self.items[kind].get(key)
            deleted = data is None
            data = dict(old.data if deleted else data)
            self.version += 1
            data["metadata"] = {**data["metadata"], "resourceVersion": str(self.version)}
            new = Item(data)
            if deleted:
                del self.items[kind][key]
            else:
                self.items[kind][key] = new
            self.events.append(Event(kind, key, old, new, deleted))
            if len(self.events) > 2 * self.history:
                self.forget(len(self.events) - self.history)
            self.changed.notify_all()
            return new

    def forget(self, count):
        del self.events[:count]
        self.oldest += count

    def at(self, kind, version):
        """The items as they were: events since are taken back."""
        items = self.items[kind]
        if version == self.version:
            return items
        items = dict(items)
        for event in reversed(self.events[version - self.oldest:]):
            if event.kind is kind and event.old is None:
                del items[event.key]
            elif event.kind is kind:
                items[event.key] = event.old
        return items

    def keys_at(self, kind, version):
        """Sorted; pages of one list come one after the other."""
        if self.sorted.get(kind, (None,))[0] != version:
            self.sorted[kind] = (version, sorted(self.at(kind, version)))
        return self.sorted[kind][1]

    def get(self, kind, key):
        if key not in self.items[kind]:
            group = f".{kind.group}" if kind.group else ""
            raise Refusal(404, "NotFound", f'{kind.plural}{group} "{key[1]}" not found',
                          details={"name": key[1], "group": kind.group, "kind": kind.plural})
        return self.items[kind][key]

    def create(self, kind, data, status=None):
        meta = data["metadata"]
        if "name" not in meta and "generateName" in meta:
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?", str(meta.get("name", ""))):
            raise Refusal(422, "Invalid", f"{kind.kind} {meta.get('name')!r} is invalid: metadata.name")
        key = (meta.get("namespace", ""), meta["name"])
        with self.changed:
            if kind.namespaced:
                self.get(KINDS[0], ("", key[0]))
            if key in self.items[kind]:
                raise Refusal(409, "AlreadyExists", f'{kind.plural} "{key[1]}" already exists')
            meta.update(uid=str(uuid.uuid4()), creationTimestamp=now())
            self.complete(kind, data, status)
            return self.commit(kind, key, data)

    def complete(self, kind, data, status):
        """What the original fills in that clients look at."""
        data.update(kind=kind.kind, apiVersion=kind.api_version)
        if kind.plural == "namespaces":
            labels = data["metadata"].setdefault("labels", {})
            labels["kubernetes.io/metadata.name"] = data["metadata"]["name"]
            status = status or {"phase": "Active"}
        elif kind.plural == "pods":
            status = status or {"phase": "Pending"}
        elif kind.plural == "services":
            spec = data.setdefault("spec", {})
            if "clusterIP" not in spec and spec.get("type") != "ExternalName":
                self.cluster_ip += 1
                spec["clusterIP"] = f"10.96.{self.cluster_ip // 250}.{self.cluster_ip % 250 + 1}"
                spec["clusterIPs"] = [spec["clusterIP"]]
        if "spec" in data:
            data["metadata"].setdefault("generation", 1)
        data.pop("status", None)
        if status:
            data["status"] = status

    def update(self, kind, key, data, part=None, dry=False):
        """`part`: "status" for that alone, "all" for everything, None for all but status."""
        with self.changed:
            old = self.get(kind, key)
            version = dig(data, "metadata", "resourceVersion")
            if version and version != old.data["metadata"]["resourceVersion"]:
                raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind.plural} "{key[1]}": the '
                              "object has been modified; please apply your changes to the latest version "
                              "and try again")
            if part == "status":
                data = {**old.data, "status": data.get("status", {})}
            elif part is None:
                data = {**data, "status": old.data["status"]} if "status" in old.data else \
                    {name: value for name, value in data.items() if name != "status"}
            kept = {name: old.data["metadata"].get(name) for name in
                    ("uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion")}
            data["metadata"] = {**data["metadata"], **{n: v for n, v in kept.items() if v is not None}}
            if data == old.data:
                return old
            if data.get("spec") != old.data.get("spec"):
                data["metadata"]["generation"] = kept["generation"] + 1
            if dry:
                return Item(data)
            if kept["deletionTimestamp"] and not data["metadata"].get("finalizers"):
                return self.commit(kind, key, None)
            return self.commit(kind, key, data)

    def delete(self, kind, key, options):
        with self.changed:
            old = self.get(kind, key)
            wanted = dig(options, "preconditions", "uid")
            if wanted and wanted != old.data["metadata"]["uid"]:
                raise Refusal(409, "Conflict", "the UID in the precondition does not match")
            slow = kind.plural == "namespaces" or old.data["metadata"].get("finalizers") or (
                kind.plural == "pods" and dig(old.data, "spec", "nodeName") and
                options.get("gracePeriodSeconds") != 0)
            if slow and "deletionTimestamp" not in old.data["metadata"]:
                data = {**old.data, "metadata": {**old.data["metadata"], "deletionTimestamp": now()}}
                if kind.plural == "namespaces":
                    data["status"] = {"phase": "Terminating"}
                old = self.commit(kind, key, data)
            if old.data["metadata"].get("finalizers"):
                return old
            if kind.plural == "namespaces":
                for other in KINDS:
                    for inner in [k for k in self.items[other] if other.namespaced and k[0] == key[1]]:
                        self.delete(other, inner, {"gracePeriodSeconds": 0})
            return self.commit(kind, key, None)

    def put(self, data):
        """As it is, status and all; namespaces come of themselves."""
        kind = next(k for k in KINDS if (k.kind, k.api_version) == (data["kind"], data["apiVersion"]))
        meta = data["metadata"]
        if kind.namespaced:
            namespace = meta.setdefault("namespace", "default")
            if ("", namespace) not in self.items[KINDS[0]]:
                self.create(KINDS[0], {"metadata": {"name": namespace}})
        key = (meta.get("namespace", ""), meta["name"])
        if key in self.items[kind]:
            if kind.plural == "namespaces":
                meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]
                data.setdefault("status", {"phase": "Active"})
            return self.update(kind, key, data, "all")
        return self.create(kind, data, data.get("status"))

    def put_all(self, body, deleting):
        items = body["items"] if body.get("kind", "").endswith("List") else [body]
        with self.changed:
            for data in items:
                if deleting:
                    kind = next(k for k in KINDS if k.kind == data["kind"])
                    namespace = data["metadata"].get("namespace", "default") if kind.namespaced else ""
                    self.delete(kind, (namespace, data["metadata"]["name"]), {"gracePeriodSeconds": 0})
                else:
                    self.put(data)
            return {"version": self.version}
