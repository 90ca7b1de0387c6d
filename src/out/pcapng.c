// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/pcapng.h"
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6 }; /* blocks */
enum { ETHERNET = 1 };
enum {
	OPTION_END,
	OPTION_COMMENT,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	PACKET_FLAGS = 2,
	PACKET_VERDICT = 7
};
enum { INBOUND = 1, OUTBOUND = 2 };
enum { VERDICT_TC = 1 }; /* a code of TC_ACT_ follows */

struct pcapng {
	FILE *file;
	char *name;
	uint32_t longest;
	uint32_t *interfaces; /* by number in the file */
	size_t count, capacity;
	/* of the block that is being put together */
	unsigned char *block;
	size_t length, room;
};

static void put(struct pcapng *pcapng, const void *data, size_t length)
{
	while (pcapng->length + length > pcapng->room) {
		pcapng->room = pcapng->room ? 2 * pcapng->room : 1024;
		pcapng->block = xrealloc(pcapng->block, pcapng->room);
	}
	memcpy(pcapng->block + pcapng->length, data, length);
	pcapng->length += length;
}

static void put32(struct pcapng *pcapng, uint32_t number)
{
	put(pcapng, &number, sizeof(number));
}

static void put_padded(struct pcapng *pcapng, const void *data, size_t length)
{
	put(pcapng, data, length);
	put(pcapng, "\0\0\0", (4 - length % 4) % 4);
}

static void put_option(struct pcapng *pcapng, uint16_t code, const void *data, size_t length)
{
	uint16_t head[2] = {code, (uint16_t)length};

	put(pcapng, head, sizeof(head));
	put_padded(pcapng, data, length);
}

/* The length, which stands at both ends, is known only now. */
static void finish_block(struct pcapng *pcapng, uint32_t type)
{
	uint32_t head[2] = {type, (uint32_t)pcapng->length + 12};

	fwrite(head, sizeof(head), 1, pcapng->file);
	fwrite(pcapng->block, pcapng->length, 1, pcapng->file);
	fwrite(&head[1], sizeof(head[1]), 1, pcapng->file);
	pcapng->length = 0;
}

static void write_section(struct pcapng *pcapng)
{
	const uint16_t version[2] = {1, 0};
	const uint64_t unknown = ~0ull;

	put32(pcapng, 0x1a2b3c4d); /* tells the byte order */
	put(pcapng, version, sizeof(version));
	put(pcapng, &unknown, sizeof(unknown)); /* length of the section */
	finish_block(pcapng, SECTION);
}

static uint32_t interface_number(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	const uint16_t link[2] = {ETHERNET, 0};
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < pcapng->count; i++)
		if (pcapng->interfaces[i] == packet->ifindex)
			return (uint32_t)i;
	GROW(pcapng->interfaces, pcapng->count, pcapng->capacity);
	pcapng->interfaces[pcapng->count] = packet->ifindex;
	put(pcapng, link, sizeof(link));
	put32(pcapng, pcapng->longest);
	if (if_indextoname(packet->ifindex, name))
		put_option(pcapng, INTERFACE_NAME, name, strlen(name));
	if (packet->subject)
		put_option(pcapng, INTERFACE_DESCRIPTION, packet->subject, strlen(packet->subject));
	put32(pcapng, OPTION_END);
	finish_block(pcapng, INTERFACE);
	return (uint32_t)pcapng->count++;
}

static void put_verdict(struct pcapng *pcapng, bool allowed)
{
	uint64_t action = allowed ? TC_ACT_OK : TC_ACT_SHOT;
	unsigned char verdict[9] = {VERDICT_TC};

	memcpy(verdict + 1, &action, sizeof(action));
	put_option(pcapng, PACKET_VERDICT, verdict, sizeof(verdict));
}

void pcapng_write(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	const uint32_t number = interface_number(pcapng, packet);
	const uint32_t flags = packet->outbound ? OUTBOUND : INBOUND;

	put32(pcapng, number);
	put32(pcapng, (uint32_t)(packet->time_us >> 32));
	put32(pcapng, (uint32_t)packet->time_us);
	put32(pcapng, packet->length);
	put32(pcapng, packet->size);
	put_padded(pcapng, packet->data, packet->length);
	put_option(pcapng, OPTION_COMMENT, packet->comment, strlen(packet->comment));
	put_option(pcapng, PACKET_FLAGS, &flags, sizeof(flags));
	put_verdict(pcapng, packet->allowed);
	put32(pcapng, OPTION_END);
	finish_block(pcapng, PACKET);
}

int pcapng_open(const char *file, uint32_t longest, struct pcapng **pcapng)
{
	bool standard = !strcmp(file, "-");
	FILE *opened = standard ? stdout : fopen(file, "we");

	if (!opened)
		return fail("write packets to \"%s\": %s", file, strerror(errno));
	*pcapng = xalloc(sizeof(**pcapng));
	(*pcapng)->file = opened;
	(*pcapng)->name = xstrdup(standard ? "standard output" : file);
	(*pcapng)->longest = longest;
	write_section(*pcapng);
	return pcapng_flush(*pcapng);
}

int pcapng_flush(struct pcapng *pcapng)
{
	if (!pcapng || (!fflush(pcapng->file) && !ferror(pcapng->file)) || errno == EPIPE)
		return 0;
	return fail("write packets to \"%s\": %s", pcapng->name, strerror(errno));
}

int pcapng_close(struct pcapng *pcapng)
{
	int error = pcapng_flush(pcapng);

	if (!pcapng)
		return 0;
	if (pcapng->file != stdout && fclose(pcapng->file) && !error)
		error = fail("write packets to \"%s\": %s", pcapng->name, strerror(errno));
	free(pcapng->name);
	free(pcapng->interfaces);
	free(pcapng->block);
	free(pcapng);
	return error;
}
