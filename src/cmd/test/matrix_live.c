/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test matrix --live: every pod a namespace, every other address a host of its
 * own, all on one bridge, where whoever is asked for answers; the policies go
 * through the real datapath, and every probe is a real connection attempt.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <errno.h>
#include <unistd.h>
#include "cmd/test/probes.h"
#include "cmd/test/room.h"
#include "attach/attach.h"
#include "commit/enforce.h"
#include "load/programs.h"
#include "net/probe.h"
#include "net/topo.h"
#include "model/model_private.h"
#include "manifest/kept.h"
#include "store/documents.h"

#define TIMEOUT_MS 1000
#define PATIENCE_MS 3000 /* for those that disagree, once more */

struct live {
	struct model *model;
	const json_t *objects; /* of the manifests */
	struct matrix *matrix;
	json_t *record, *hosts; /* text of an address, or a pod -> its row in the record */
};

/* The row of a pod or of an address outside; made when new. */
static json_t *host_row(struct live *live, const char *name)
{
	json_t *row = json_object_get(live->hosts, name);
	size_t number = json_object_size(live->hosts) + 1;

	if (row)
		return row;
	row = json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:[], s:[], s:[ssss], s:[]}", "pod", name,
			"netns", json_sprintf("m%zu", number), "host",
			json_sprintf("m%zu-h", number), "peer", "eth0", "host_mac",
			json_sprintf("6e:70:00:01:%02x:%02x", (unsigned int)number >> 8 & 255,
				     (unsigned int)number & 255),
			"mac",
			json_sprintf("6e:70:00:02:%02x:%02x", (unsigned int)number >> 8 & 255,
				     (unsigned int)number & 255),
			"addresses", "gateways", "links", "0.0.0.0/1", "128.0.0.0/1", "::/1",
			"8000::/1", "ports");
	json_object_set_new(live->hosts, name, row);
	json_array_append(json_object_get(live->record, "pods"), row);
	return row;
}

static void row_add_text(json_t *row, const char *key, const char *text)
{
	json_t *array = json_object_get(row, key), *each;
	size_t i;

	json_array_foreach (array, i, each) {
		if (strcmp(json_string_value(each), text) == 0)
			return;
	}
	json_array_append_new(array, json_string(text));
}

static void row_add_address(json_t *row, const struct address *address)
{
	struct prefix whole = {*address, address->family == 4 ? 32 : 128};
	char text[ADDRESS_TEXT];

	row_add_text(row, "addresses", prefix_text(&whole, text));
}

static json_t *party_row(struct live *live, const struct party *party)
{
	const struct pod *pod = party->pod;
	char text[ADDRESS_TEXT], *name;
	json_t *row;

	if (!pod || pod->host_network) {
		row = host_row(live, address_text(&party->address, text));
		row_add_address(row, &party->address);
		return row;
	}
	name = xprintf("%s/%s", pod->namespace, pod->name);
	row = host_row(live, name);
	free(name);
	for (size_t i = 0; i < pod->address_count; i++)
		row_add_address(row, &pod->addresses[i]);
	return row;
}

static void add_server(json_t *row, const struct matrix_probe *probe)
{
	struct port_item item = {.first = PORT_KEY(probe->protocol, probe->port),
				 .last = PORT_KEY(probe->protocol, probe->port)};
	char text[64];

	if (probe->port)
		row_add_text(row, "ports", port_item_text(&item, text, sizeof(text)));
}

static void plan_network(struct live *live)
{
	live->hosts = json_object();
	live->record =
	    json_pack("{s:s, s:{s:s, s:s, s:[]}, s:[]}", "mark", "npctl matrix", "bridge", "name",
		      "br-matrix", "mac", "6e:70:00:00:00:01", "addresses", "pods");
	for (size_t i = 0; i < live->matrix->count; i++) {
		const struct matrix_probe *probe = &live->matrix->probe[i];

		party_row(live, &probe->from);
		add_server(party_row(live, &probe->to), probe);
	}
}

static json_t *labels_object(const struct labels *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->count; i++)
		json_object_set_new(object, labels->label[i].key,
				    json_string(labels->label[i].value));
	return object;
}

/* The pod as the model has it, with the address that it was given. */
static json_t *pod_object(const struct pod *pod)
{
	json_t *ports = json_array(), *addresses = json_array();
	static const char *const words[256] = {
	    [IPPROTO_TCP] = "TCP", [IPPROTO_UDP] = "UDP", [IPPROTO_SCTP] = "SCTP"};
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < pod->port_count; i++) {
		json_t *port = json_pack("{s:i, s:s}", "containerPort", pod->ports[i].port,
					 "protocol", words[pod->ports[i].protocol]);

		if (*pod->ports[i].name)
			json_object_set_new(port, "name", json_string(pod->ports[i].name));
		json_array_append_new(ports, port);
	}
	for (size_t i = 0; i < pod->address_count; i++)
		json_array_append_new(
		    addresses, json_pack("{s:s}", "ip", address_text(&pod->addresses[i], text)));
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:o}, s:{s:s, s:b, s:[{s:o}]}, s:{s:o}}",
			 "apiVersion", "v1", "kind", "Pod", "metadata", "name", pod->name,
			 "namespace", pod->namespace, "labels", labels_object(&pod->labels), "spec",
			 "nodeName", pod->node, "hostNetwork", pod->host_network, "containers",
			 "ports", ports, "status", "podIPs", addresses);
}

static void put_object(struct instance *instance, const json_t *object)
{
	char *document = object_document(object);
	json_t *array;

	if (document) {
		array = document_get(instance, document);
		if (!array)
			array = json_array();
		objects_put(array, object_slim(object));
		document_put(instance, document, array);
	}
	free(document);
}

static void put_documents(const struct live *live, struct instance *instance)
{
	size_t index;
	json_t *object;

	json_array_foreach (live->objects, index, object) {
		if (strcmp(field_text(object, "kind", ""), "Pod") != 0)
			put_object(instance, object);
	}
	for (size_t i = 0; i < live->model->pods.count; i++) {
		object = pod_object(live->model->pods.item[i]);
		if (live->model->pods.item[i]->address_count)
			put_object(instance, object);
		json_decref(object);
	}
	document_put(instance, "topology", json_incref(live->record));
}

static int enforce_all(struct live *live)
{
	struct instance *instance;
	json_t *report = NULL, *row;
	size_t index;
	int result = instance_open(&instance, DEFAULT_ROOT, ACCESS_CREATE);

	if (result)
		return result;
	result = programs_load(instance, &(struct load_sizes){0}, &report);
	json_decref(report);
	if (!result) {
		put_documents(live, instance);
		result = enforce_commit(instance);
	}
	json_array_foreach (json_object_get(live->record, "pods"), index, row) {
		struct attach_request request = {.subject = field_text(row, "pod", ""),
						 .interface = field_text(row, "host", "")};

		if (!result && strchr(request.subject, '/'))
			result = attach_interface(instance, &request);
	}
	instance_close(instance);
	return result;
}

static bool can_try(const struct matrix_probe *probe)
{
	int fd;

	if (probe->protocol != IPPROTO_SCTP)
		return probe->port != 0;
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	if (fd >= 0)
		close(fd);
	return fd >= 0 && probe->port != 0;
}

/* Tries those that are wanted; one that is refused by the other side has got there. */
static int try_probes(struct live *live, signed char *verdicts, const bool *wanted, int timeout_ms)
{
	struct matrix *matrix = live->matrix;
	struct probe *probes = xalloc((matrix->count + 1) * sizeof(*probes));
	size_t count = 0;
	int result;

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_probe *probe = &matrix->probe[i];

		if (!wanted[i])
			continue;
		probes[count++] = (struct probe){
		    .netns = field_text(party_row(live, &probe->from), "netns", ""),
		    .to = probe->to.address,
		    .protocol = probe->protocol,
		    .port = probe->port,
		    .timeout_ms = timeout_ms,
		};
	}
	result = probes_run(probes, count);
	for (size_t i = matrix->count; !result && i-- > 0;)
		if (wanted[i])
			verdicts[i] =
			    probes[--count].connected || probes[count].error == ECONNREFUSED;
	free(probes);
	return result;
}

static int try_all(struct live *live, signed char *verdicts)
{
	const struct matrix *matrix = live->matrix;
	bool *wanted = xalloc(matrix->count + 1);
	bool again = false;
	int result;

	for (size_t i = 0; i < matrix->count; i++) {
		wanted[i] = can_try(&matrix->probe[i]);
		verdicts[i] = -1;
	}
	result = try_probes(live, verdicts, wanted, TIMEOUT_MS);
	for (size_t i = 0; i < matrix->count; i++) {
		wanted[i] = verdicts[i] >= 0 && verdicts[i] != matrix->probe[i].allow;
		again |= wanted[i];
	}
	if (!result && again)
		result = try_probes(live, verdicts, wanted, PATIENCE_MS);
	free(wanted);
	return result;
}

static int work(void *shared, void *data)
{
	struct live *live = data;
	int result;

	plan_network(live);
	result = topo_make(live->record);
	if (!result)
		result = topo_serve(live->record);
	if (!result)
		result = enforce_all(live);
	if (!result)
		result = try_all(live, shared);
	return result;
}

int matrix_live(struct model *model, const json_t *objects, struct matrix *matrix)
{
	struct live live = {.model = model, .objects = objects, .matrix = matrix};
	signed char *verdicts = room_memory(matrix->count);
	size_t untried = 0;
	int result;

	if (!verdicts)
		return FAILED;
	result = room_run(work, verdicts, &live);
	for (size_t i = 0; !result && i < matrix->count; i++) {
		matrix->probe[i].live = verdicts[i];
		untried += verdicts[i] < 0;
	}
	if (!result && untried)
		warn("%zu probes could not be tried on this kernel", untried);
	room_memory_free(verdicts, matrix->count);
	return result;
}
