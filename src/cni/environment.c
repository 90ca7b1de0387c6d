// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "cni/refuse.h"
#include "cni/request.h"

#define CONTAINER 1u
#define NETNS 2u
#define IFNAME 4u
#define PATH 8u

static const struct {
	const char *name;
	enum command command;
	unsigned int needs;
} commands[] = {
    {"ADD", COMMAND_ADD, CONTAINER | NETNS | IFNAME},
    {"DEL", COMMAND_DEL, CONTAINER | IFNAME},
    {"CHECK", COMMAND_CHECK, CONTAINER | NETNS | IFNAME},
    {"GC", COMMAND_GC, PATH},
    {"STATUS", COMMAND_STATUS, 0},
    {"VERSION", COMMAND_VERSION, 0},
};

bool is_plain_name(const char *text)
{
	const char *letter;

	if (!isalnum((unsigned char)*text))
		return false;
	for (letter = text; *letter; letter++)
		if (!isalnum((unsigned char)*letter) && !strchr("_.-", *letter))
			return false;
	return letter - text < 256;
}

static bool is_interface_name(const char *text)
{
	const char *letter;

	if (!strcmp(text, ".") || !strcmp(text, "..") || strlen(text) >= IFNAMSIZ)
		return false;
	for (letter = text; *letter; letter++)
		if (strchr("/:", *letter) || isspace((unsigned char)*letter))
			return false;
	return letter > text;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int check_needed(const struct request *request, unsigned int needs)
{
	const struct {
		const char *name, *value;
		unsigned int bit;
	} variables[] = {
	    {"CNI_CONTAINERID", request->container, CONTAINER},
	    {"CNI_NETNS", request->netns, NETNS},
	    {"CNI_IFNAME", request->ifname, IFNAME},
	    {"CNI_PATH", request->path, PATH},
	};
	char *missing = xstrdup("");
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		char *longer;

		if (!(needs & variables[i].bit) || variables[i].value)
			continue;
		longer = xprintf("%s%s%s", missing, *missing ? ", " : "", variables[i].name);
		free(missing);
		missing = longer;
	}
	if (*missing)
		error = refuse(REFUSED_ENVIRONMENT, "%s needs %s in the environment",
			       request->command_name, missing);
	free(missing);
	return error;
}

static int take_argument(struct request *request, const char *key, const char *value)
{
	if (!strcmp(key, "IP")) {
		request->pod_address = value;
		return 0;
	}
	if (!strcmp(key, "MAC")) {
		request->pod_mac = value;
		return 0;
	}
	if (strcmp(key, "K8S_POD_NAMESPACE") != 0 && strcmp(key, "K8S_POD_NAME") != 0)
		return 0;
	if (!*value)
		return 0;
	if (!is_plain_name(value))
		return refuse(REFUSED_ENVIRONMENT, "CNI_ARGS: %s \"%s\" is no name of a pod", key,
			      value);
	*(!strcmp(key, "K8S_POD_NAME") ? &request->pod_name : &request->pod_namespace) =
	    xstrdup(value);
	return 0;
}

/* "KEY=VALUE;KEY=VALUE"; keys that others understand are theirs. */
static int read_arguments(struct request *request)
{
	const char *text = variable("CNI_ARGS");
	char *pair, *rest = request->arguments = text ? xstrdup(text) : NULL;
	int error = 0;

	while (!error && (pair = strsep(&rest, ";"))) {
		char *equals = strchr(pair, '=');

		if (!*pair)
			continue;
		if (!equals || equals == pair) {
			error =
			    refuse(REFUSED_ENVIRONMENT, "CNI_ARGS: \"%s\" is no KEY=VALUE", pair);
			continue;
		}
		*equals = '\0';
		error = take_argument(request, pair, equals + 1);
	}
	return error;
}

static int find_command(struct request *request, unsigned int *needs)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, request->command_name) != 0)
			continue;
		request->command = commands[i].command;
		*needs = commands[i].needs;
		return 0;
	}
	return refuse(REFUSED_ENVIRONMENT,
		      "CNI_COMMAND \"%s\" is none of ADD, DEL, CHECK, GC, STATUS, VERSION",
		      request->command_name);
}

int environment_read(struct request *request)
{
	unsigned int needs = 0;

	request->command_name = getenv("CNI_COMMAND");
	request->container = variable("CNI_CONTAINERID");
	request->netns = variable("CNI_NETNS");
	request->ifname = variable("CNI_IFNAME");
	request->path = variable("CNI_PATH");
	if (find_command(request, &needs) || check_needed(request, needs))
		return FAILED;
	if (request->container && !is_plain_name(request->container))
		return refuse(REFUSED_ENVIRONMENT, "CNI_CONTAINERID \"%s\" is no container's id",
			      request->container);
	if (request->ifname && !is_interface_name(request->ifname))
		return refuse(REFUSED_ENVIRONMENT, "CNI_IFNAME \"%s\" is no interface's name",
			      request->ifname);
	return read_arguments(request);
}
