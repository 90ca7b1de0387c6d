/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Clears all bits from `length` on. */
static void mask(uint8_t *bytes, unsigned int length)
{
	for (unsigned int i = length / 8; i < 16; i++) {
		unsigned int keep = i == length / 8 ? length % 8 : 0;

		bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
}

static bool is_mapped(const uint8_t bytes[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

/* The family as written, before mapped addresses become IPv4. */
static int parse(const char *text, struct address *address)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->family = 4;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->family = 6;
	else
		return -1;
	return 0;
}

static void unmap(struct address *address)
{
	if (address->family != 6 || !is_mapped(address->bytes))
		return;
	memcpy(address->bytes, address->bytes + 12, 4);
	memset(address->bytes + 4, 0, 12);
	address->family = 4;
}

int address_parse(const char *text, struct address *address)
{
	if (parse(text, address))
		return -1;
	unmap(address);
	return 0;
}

static int parse_length(const char *text, unsigned int most)
{
	unsigned int length = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] || (digits > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < digits; i++)
		length = length * 10 + (unsigned int)(text[i] - '0');
	return length <= most ? (int)length : -1;
}

int prefix_parse(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char head[INET6_ADDRSTRLEN];
	int most, length;

	if (!slash)
		slash = text + strlen(text);
	if ((size_t)(slash - text) >= sizeof(head))
		return -1;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (parse(head, &prefix->address))
		return -1;
	most = prefix->address.family == 4 ? 32 : 128;
	length = *slash ? parse_length(slash + 1, (unsigned int)most) : most;
	if (length < 0)
		return -1;
	if (length >= 96 && prefix->address.family == 6 && is_mapped(prefix->address.bytes)) {
		unmap(&prefix->address);
		length -= 96;
	}
	mask(prefix->address.bytes, (unsigned int)length);
	prefix->length = (uint8_t)length;
	return 0;
}

const char *address_text(const struct address *address, char text[static ADDRESS_TEXT])
{
	if (!address->family || !inet_ntop(address->family == 4 ? AF_INET : AF_INET6,
					   address->bytes, text, ADDRESS_TEXT))
		strcpy(text, "none");
	return text;
}

const char *prefix_text(const struct prefix *prefix, char text[static ADDRESS_TEXT])
{
	size_t length;

	address_text(&prefix->address, text);
	length = strlen(text);
	snprintf(text + length, ADDRESS_TEXT - length, "/%u", prefix->length);
	return text;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	struct address masked = *address;

	if (prefix->address.family != address->family)
		return false;
	mask(masked.bytes, prefix->length);
	return memcmp(masked.bytes, prefix->address.bytes, sizeof(masked.bytes)) == 0;
}

struct prefix prefix_wider(const struct prefix *prefix, uint8_t length)
{
	struct prefix wider = {prefix->address, length};

	mask(wider.address.bytes, length);
	return wider;
}

struct address prefix_last(const struct prefix *prefix)
{
	struct address last = prefix->address;
	unsigned int size = last.family == 4 ? 4 : 16;

	for (unsigned int bit = prefix->length; bit < 8 * size; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

void address_halves(const struct address *address, uint64_t *high, uint64_t *low)
{
	*high = *low = 0;
	for (int i = 0; i < 8; i++) {
		*high = *high << 8 | address->bytes[i];
		*low = *low << 8 | address->bytes[i + 8];
	}
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* One line of a list, without the blanks around it; -1 when it is no prefix. */
static int parse_line(const char *line, size_t length, struct prefix *prefix)
{
	char text[ADDRESS_TEXT];

	if (length >= sizeof(text))
		return -1;
	memcpy(text, line, length);
	text[length] = '\0';
	return prefix_parse(text, prefix);
}

int cidr_lines_each(const char *text, int (*callback)(const struct prefix *prefix, void *data),
		    void *data, size_t *line)
{
	struct prefix prefix;
	size_t length;

	for (*line = 1; *text; ++*line) {
		const char *end = strchrnul(text, '\n');

		text += strspn(text, " \t");
		length = strcspn(text, " \t\r\n#;,");
		if (length && (parse_line(text, length, &prefix) || callback(&prefix, data)))
			return -1;
		text = *end ? end + 1 : end;
	}
	return 0;
}
