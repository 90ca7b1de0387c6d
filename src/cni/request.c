// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cni/request.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/refuse.h"
#include "base/content.h"

#define INPUT_MOST (16 << 20)

const char *const cni_versions[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0", NULL};

static int version_index(const char *version)
{
	for (int i = 0; cni_versions[i]; i++)
		if (!strcmp(cni_versions[i], version))
			return i;
	return -1;
}

int version_compare(const char *a, const char *b)
{
	int difference = version_index(a) - version_index(b);

	return (difference > 0) - (difference < 0);
}

static int read_input(char **text, size_t *size)
{
	size_t room = 0;
	ssize_t got;

	*text = NULL;
	*size = 0;
	do {
		if (room - *size < 4096) {
			room = room ? 2 * room : 8192;
			*text = xrealloc(*text, room);
		}
		got = read(STDIN_FILENO, *text + *size, room - *size);
		if (got > 0)
			*size += (size_t)got;
	} while ((got > 0 && *size < INPUT_MOST) || (got < 0 && errno == EINTR));
	if (got < 0)
		return refuse(REFUSED_INPUT, "read the configuration from standard input: %s",
			      strerror(errno));
	if (got > 0)
		return refuse(REFUSED_INPUT, "the configuration is longer than %d bytes",
			      INPUT_MOST);
	return 0;
}

static int parse_input(struct request *request)
{
	json_error_t error;
	char *text;
	size_t size;

	if (read_input(&text, &size)) {
		free(text);
		return FAILED;
	}
	request->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	free(text);
	if (!request->json)
		return refuse(REFUSED_JSON, "the configuration is no JSON: %s, line %d", error.text,
			      error.line);
	if (!json_is_object(request->json))
		return refuse(REFUSED_JSON, "the configuration is no JSON object");
	return 0;
}

static int take_version(struct request *request)
{
	const json_t *version = json_object_get(request->json, "cniVersion");
	const char *needed = request->command == COMMAND_CHECK	  ? "0.4.0"
			     : request->command == COMMAND_GC	  ? "1.1.0"
			     : request->command == COMMAND_STATUS ? "1.1.0"
								  : "0.3.0";

	if (version && !json_is_string(version))
		return refuse(REFUSED_JSON, "cniVersion is no text");
	request->version = version ? json_string_value(version) : "";
	if (request->command == COMMAND_VERSION)
		return 0;
	if (version_index(request->version) < 0)
		return refuse(REFUSED_VERSION,
			      "version \"%s\" of the CNI specification is not supported: npctl "
			      "knows 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0",
			      request->version);
	if (version_compare(request->version, needed) < 0)
		return refuse(REFUSED_VERSION, "version %s of the CNI specification has no %s",
			      request->version, request->command_name);
	return 0;
}

static int take_network(struct request *request)
{
	const json_t *name = json_object_get(request->json, "name");

	request->network = json_string_value(name);
	if (!request->network)
		return refuse(REFUSED_CONFIG, "the configuration gives the network no name");
	if (!is_plain_name(request->network))
		return refuse(REFUSED_CONFIG, "name: \"%s\" is no name of a network",
			      request->network);
	return 0;
}

static uint64_t hash_of(const char *a, const char *b, const char *c)
{
	struct signature signature = {0};

	sign_text(&signature, a);
	sign_text(&signature, b);
	sign_text(&signature, c);
	return signature.low;
}

static void fill_mac(uint8_t mac[6], uint8_t first, uint64_t hash)
{
	mac[0] = first;
	for (int i = 1; i < 6; i++, hash >>= 8)
		mac[i] = (uint8_t)hash;
}

void ends_name(const char *network, const char *container, const char *ifname, struct ends *ends)
{
	uint64_t hash = hash_of(network, container, ifname);

	snprintf(ends->host, sizeof(ends->host), "npc%012llx",
		 (unsigned long long)hash & 0xffffffffffff);
	fill_mac(ends->host_mac, 'r', hash);
	fill_mac(ends->mac, 'n', hash);
}

/* Without names of a pod, the container is one: its id, in a namespace called as the network. */
static void name_pod(struct request *request)
{
	if (request->config.namespace) {
		free(request->pod_namespace);
		request->pod_namespace = xstrdup(request->config.namespace);
	}
	if (!request->pod_namespace)
		request->pod_namespace = xstrdup(request->network);
	if (!request->pod_name && request->container)
		request->pod_name = xstrdup(request->container);
}

int request_read(struct request *request, const char *root)
{
	request->version = "";
	if (environment_read(request))
		return FAILED;
	if (parse_input(request)) {
		if (request->command != COMMAND_VERSION)
			return FAILED;
		/* older runtimes send nothing */
		failure_clear();
		request->json = json_object();
	}
	if (take_version(request))
		return FAILED;
	if (request->command == COMMAND_VERSION)
		return 0;
	if (take_network(request) || config_read(request))
		return FAILED;
	if (!request->config.root)
		request->config.root = root;
	if (request->container && request->ifname)
		ends_name(request->network, request->container, request->ifname, &request->ends);
	if (request->config.has_mac)
		memcpy(request->ends.mac, request->config.mac, sizeof(request->ends.mac));
	name_pod(request);
	return 0;
}

void request_release(struct request *request)
{
	config_release(&request->config);
	free(request->pod_namespace);
	free(request->pod_name);
	free(request->arguments);
	json_decref(request->json);
}
