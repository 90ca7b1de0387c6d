// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/port.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

static const struct {
	const char *name;
	uint8_t protocol;
} protocols[] = {
    {"tcp", IPPROTO_TCP},
    {"udp", IPPROTO_UDP},
    {"sctp", IPPROTO_SCTP},
};

static int parse_number(const char *text, uint16_t *number)
{
	size_t digits = strspn(text, "0123456789");
	long value;

	if (digits == 0 || digits > 5 || text[digits])
		return -1;
	value = strtol(text, NULL, 10);
	if (value < 1 || value > UINT16_MAX)
		return -1;
	*number = value;
	return 0;
}

int port_parse(const char *text, struct port *port)
{
	*port = (struct port){.protocol = IPPROTO_TCP};
	if (!strcmp(text, "icmp")) {
		port->protocol = IPPROTO_ICMP;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		size_t length = strlen(protocols[i].name);

		if (strncmp(text, protocols[i].name, length) || text[length] != '/')
			continue;
		port->protocol = protocols[i].protocol;
		return parse_number(text + length + 1, &port->number);
	}
	return parse_number(text, &port->number);
}

const char *port_text(const struct port *port, char text[static PORT_TEXT])
{
	strcpy(text, "icmp");
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == port->protocol)
			snprintf(text, PORT_TEXT, "%s/%u", protocols[i].name, port->number);
	return text;
}
