# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is done with objects alone: patches, selectors, tables."""
import datetime
import re
import time


def dig(value, *path):
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name",
    "volumeMounts": "mountPath", "imagePullSecrets": "name", "hostAliases": "ip", "podIPs": "ip",
    "conditions": "type", "addresses": "type", "ownerReferences": "uid", "secrets": "name",
}
MERGE_SETS = {"finalizers", "podCIDRs"}


def merge_key(name, elements):
    if name == "ports" and elements and isinstance(elements[0], dict):
        return next((key for key in ("containerPort", "port") if key in elements[0]), None)
    return MERGE_KEYS.get(name)


def merge_list(name, old, patch, order):
    """The strategic merge of lists: by key, as sets, or the new one for the old."""
    key = merge_key(name, [entry for entry in patch + (order or []) + old if "$patch" not in entry])
    if name in MERGE_SETS:
        return old + [value for value in patch if value not in old]
    if not key or any(entry.get("$patch") == "replace" for entry in patch):
        return [entry for entry in patch if not isinstance(entry, dict) or "$patch" not in entry]
    result = list(old)
    for entry in patch:
        same = next((i for i, other in enumerate(result) if other.get(key) == entry.get(key)), None)
        if entry.get("$patch") == "delete":
            result = [other for other in result if other.get(key) != entry.get(key)]
        elif same is None:
            result.append(merge({}, entry, True))
        else:
            result[same] = merge(result[same], entry, True)
    if order:
        place = {entry.get(key): i for i, entry in enumerate(order)}
        result.sort(key=lambda entry: place.get(entry.get(key), len(place)))
    return result


def merge(old, patch, strategic=False):
    """RFC 7386, or Kubernetes' strategic merge with its directives."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    if strategic and patch.get("$patch") == "delete":
        return None
    if strategic and patch.get("$patch") == "replace":
        result = {}
    if strategic and "$retainKeys" in patch:
        result = {name: value for name, value in result.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if strategic and name.startswith("$deleteFromPrimitiveList/"):
            target = name.split("/", 1)[1]
            result[target] = [entry for entry in result.get(target, []) if entry not in value]
        elif strategic and name.startswith("$"):
            continue
        elif strategic and isinstance(value, list):
            result[name] = merge_list(name, result.get(name) or [], value,
                                      patch.get("$setElementOrder/" + name))
        else:
            if isinstance(value, dict):
                value = merge(result.get(name), value, strategic)
            if value is None:
                result.pop(name, None)
            else:
                result[name] = value
    return result


def selector_of(query):
    """A function of an object, or None when everything is selected."""
    tests = []
    for term in re.findall(r"(?:[^,(]|\([^)]*\))+", query.get("labelSelector", "")):
        term = term.strip()
        sets = re.fullmatch(r"(\S+)\s+(in|notin)\s+\((.*)\)", term)
        if sets:
            key, wanted = sets[1], {value.strip() for value in sets[3].split(",")}
            tests.append(lambda o, k=key, w=wanted, yes=sets[2] == "in":
                         (dig(o, "metadata", "labels", k) in w) == yes)
        elif term.startswith("!"):
            tests.append(lambda o, k=term[1:]: dig(o, "metadata", "labels", k) is None)
        elif "=" in term:
            key, sign, value = re.fullmatch(r"(.*?)\s*(!=|==|=)\s*(.*)", term).groups()
            tests.append(lambda o, k=key, v=value, yes=sign != "!=":
                         (dig(o, "metadata", "labels", k) == v) == yes)
        else:
            tests.append(lambda o, k=term: dig(o, "metadata", "labels", k) is not None)
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        path, sign, value = re.fullmatch(r"(.*?)(!=|==|=)(.*)", term).groups()
        if path not in ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"):
            raise ValueError(f'field label not supported: "{path}"')
        tests.append(lambda o, p=path.split("."), v=value, yes=sign != "!=":
                     ((dig(o, *p) or "") == v) == yes)
    return (lambda o: all(test(o) for test in tests)) if tests else None


def age(item):
    seconds = int(time.time() - datetime.datetime.fromisoformat(
        item["metadata"]["creationTimestamp"].replace("Z", "+00:00")).timestamp())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"


def ready(item):
    states = dig(item, "status", "containerStatuses") or []
    return f"{sum(s.get('ready', False) for s in states)}/{len(item['spec'].get('containers', []))}"


def pod_selector(item):
    labels = dig(item, "spec", "podSelector", "matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items()) or "<none>"


def service_ports(item):
    return ",".join(f"{p.get('port')}/{p.get('protocol', 'TCP')}" for p in item["spec"].get("ports", []))


COLUMNS = {
    "pods": [("Ready", ready), ("Status", lambda o: dig(o, "status", "phase")),
             ("Restarts", lambda o: 0), ("Age", age), ("*IP", lambda o: dig(o, "status", "podIP") or "<none>"),
             ("*Node", lambda o: dig(o, "spec", "nodeName") or "<none>")],
    "namespaces": [("Status", lambda o: dig(o, "status", "phase")), ("Age", age)],
    "services": [("Type", lambda o: o["spec"].get("type", "ClusterIP")),
                 ("Cluster-IP", lambda o: o["spec"].get("clusterIP", "<none>")),
                 ("Port(s)", service_ports), ("Age", age)],
    "networkpolicies": [("Pod-Selector", pod_selector), ("Age", age)],
    "clusternetworkpolicies": [("Tier", lambda o: dig(o, "spec", "tier")),
                               ("Priority", lambda o: dig(o, "spec", "priority")), ("Age", age)],
}


def table(kind, items, meta):
    columns = [("Name", lambda o: o["metadata"]["name"])] + COLUMNS.get(kind.plural, [("Age", age)])
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": [{"name": name.lstrip("*"), "type": "string", "description": "",
                               "format": "name" if name == "Name" else "",
                               "priority": int(name[0] == "*")} for name, _ in columns],
        "rows": [{"cells": [cell(item) for _, cell in columns],
                  "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                             "metadata": item["metadata"]}} for item in items],
    }
