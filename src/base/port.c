// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/port.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/base.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
    {"tcp", IPPROTO_TCP},   {"udp", IPPROTO_UDP},	{"sctp", IPPROTO_SCTP},
    {"icmp", IPPROTO_ICMP}, {"icmpv6", IPPROTO_ICMPV6},
};

int protocol_parse(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcasecmp(protocols[i].name, text) == 0)
			return protocols[i].number;
	return -1;
}

const char *protocol_text(uint8_t protocol, char text[static 8])
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	snprintf(text, 8, "ip%u", protocol);
	return text;
}

/* "80", "80-90"; up to `most`. */
static int parse_range(const char *text, unsigned long most, uint32_t *first, uint32_t *last)
{
	unsigned long from, to;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	from = to = strtoul(text, &end, 10);
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return -1;
		to = strtoul(end + 1, &end, 10);
	}
	if (*end || from > to || to > most)
		return -1;
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return 0;
}

/* "8" or "8/0": a type with any code, or with one. */
static int parse_icmp(const char *text, uint32_t *first, uint32_t *last)
{
	const char *slash = strchr(text, '/');
	uint32_t type, type_last, code, code_last;
	char head[8];

	if (!slash) {
		if (parse_range(text, 255, first, last))
			return -1;
		*first <<= 8;
		*last = *last << 8 | 255;
		return 0;
	}
	if ((size_t)(slash - text) >= sizeof(head))
		return -1;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (parse_range(head, 255, &type, &type_last) || type != type_last ||
	    parse_range(slash + 1, 255, &code, &code_last))
		return -1;
	*first = type << 8 | code;
	*last = type << 8 | code_last;
	return 0;
}

int port_item_parse(const char *text, struct port_item items[static 2], size_t *count)
{
	const char *slash = strchr(text, '/');
	uint32_t first = 0, last = 65535;
	int protocol;
	char word[8];
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	*count = 1;
	if (!slash && parse_range(text, 65535, &first, &last) == 0) {
		items[0] = (struct port_item){.first = PORT_KEY(IPPROTO_TCP, first),
					      .last = PORT_KEY(IPPROTO_TCP, last)};
		return first ? 0 : -1;
	}
	if (length >= sizeof(word))
		return -1;
	memcpy(word, text, length);
	word[length] = '\0';
	protocol = protocol_parse(word);
	if (protocol < 0)
		return -1;
	if (slash && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)) {
		if (parse_icmp(slash + 1, &first, &last))
			return -1;
	} else if (slash && (parse_range(slash + 1, 65535, &first, &last) || !first)) {
		return -1;
	}
	items[0] = (struct port_item){.first = PORT_KEY(protocol, first),
				      .last = PORT_KEY(protocol, last)};
	if (protocol == IPPROTO_ICMP && !slash) {
		items[1] = (struct port_item){.first = PORT_KEY(IPPROTO_ICMPV6, first),
					      .last = PORT_KEY(IPPROTO_ICMPV6, last)};
		*count = 2;
	}
	return 0;
}

/* One protocol's part of a range. */
static void range_text(uint32_t first, uint32_t last, char *text, size_t size)
{
	char name[8];
	const char *protocol = protocol_text((uint8_t)(first >> 16), name);
	bool icmp = first >> 16 == IPPROTO_ICMP || first >> 16 == IPPROTO_ICMPV6;

	first &= 0xffff;
	last &= 0xffff;
	if (first == 0 && last == 65535)
		snprintf(text, size, "%s", protocol);
	else if (icmp && (first & 255) == 0 && (last & 255) == 255)
		snprintf(text, size, first >> 8 == last >> 8 ? "%s/%u" : "%s/%u-%u", protocol,
			 first >> 8, last >> 8);
	else if (icmp)
		snprintf(text, size, "%s/%u/%u", protocol, first >> 8, first & 255);
	else
		snprintf(text, size, first == last ? "%s/%u" : "%s/%u-%u", protocol, first, last);
}

const char *port_item_text(const struct port_item *item, char *text, size_t size)
{
	char name[8];

	if (item->name && item->protocol)
		snprintf(text, size, "%s/%s", protocol_text(item->protocol, name), item->name);
	else if (item->name)
		snprintf(text, size, "%s", item->name);
	else if (item->first == 0 && item->last == PORT_KEY_LAST)
		snprintf(text, size, "any");
	else if (item->first >> 16 == item->last >> 16)
		range_text(item->first, item->last, text, size);
	else
		snprintf(text, size, "%s to %s", protocol_text((uint8_t)(item->first >> 16), name),
			 protocol_text((uint8_t)(item->last >> 16), (char[8]){0}));
	return text;
}

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
	const char *slash = strchr(text, '/');
	char name[8] = "tcp";
	int protocol;

	*port = (struct port){.protocol = IPPROTO_TCP};
	if (!strcmp(text, "icmp")) {
		port->protocol = IPPROTO_ICMP;
		return 0;
	}
	if (slash && (size_t)(slash - text) < sizeof(name))
		snprintf(name, sizeof(name), "%.*s", (int)(slash - text), text);
	else if (slash)
		return -1;
	protocol = protocol_parse(name);
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP)
		return -1;
	port->protocol = (uint8_t)protocol;
	return parse_number(slash ? slash + 1 : text, &port->number);
}

const char *port_text(const struct port *port, char text[static PORT_TEXT])
{
	char name[8];
	const char *protocol = protocol_text(port->protocol, name);

	if (port->protocol == IPPROTO_ICMP)
		snprintf(text, PORT_TEXT, "%s", protocol);
	else
		snprintf(text, PORT_TEXT, "%s/%u", protocol, port->number);
	return text;
}

/* As packets have them. */
static const struct {
	uint8_t number;
	const char *word;
} ip_protocols[] = {
    {IPPROTO_TCP, "TCP"},   {IPPROTO_UDP, "UDP"},	{IPPROTO_SCTP, "SCTP"},
    {IPPROTO_ICMP, "ICMP"}, {IPPROTO_ICMPV6, "ICMPv6"},
};

const char *ip_protocol_text(uint8_t protocol)
{
	static char buffers[4][4];
	static unsigned int next;
	char *buffer;

	for (size_t i = 0; i < ARRAY_SIZE(ip_protocols); i++)
		if (ip_protocols[i].number == protocol)
			return ip_protocols[i].word;
	buffer = buffers[next++ % ARRAY_SIZE(buffers)];
	snprintf(buffer, sizeof(buffers[0]), "%u", protocol);
	return buffer;
}

bool ip_protocol_parse(const char *text, uint8_t *protocol)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(ip_protocols); i++)
		if (!strcasecmp(ip_protocols[i].word, text)) {
			*protocol = ip_protocols[i].number;
			return true;
		}
	number = strtoul(text, &end, 10);
	*protocol = (uint8_t)number;
	return text[0] >= '1' && text[0] <= '9' && !*end && number < 256;
}

bool ip_protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}
