// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/subnets.h"
#include <stdio.h>

bool address_is_taken(const struct addressing *addressing, const struct address *address)
{
	for (size_t i = 0; i < addressing->taken_count; i++)
		if (!address_compare(&addressing->taken[i], address))
			return true;
	return false;
}

void address_take(struct addressing *addressing, const struct address *address)
{
	GROW(addressing->taken, addressing->taken_count, addressing->taken_capacity);
	addressing->taken[addressing->taken_count++] = *address;
}

static unsigned int width_of(const struct address *address)
{
	return address->family == 4 ? 32 : 128;
}

/* The nth address of a prefix, as far as 32 bits go. */
static struct address nth(const struct prefix *prefix, uint32_t n)
{
	struct address address = prefix->address;
	size_t end = width_of(&address) / 8;

	for (size_t i = end; i-- > end - 4; n >>= 8)
		address.bytes[i] |= n & 0xff;
	return address;
}

/* One more than the last number that an interface may have. */
static uint32_t numbers_of(const struct prefix *prefix)
{
	unsigned int bits = width_of(&prefix->address) - prefix->length;

	if (bits >= 24)
		return 1 << 24;
	return prefix->address.family == 4 && bits >= 2 ? (1U << bits) - 1 : 1U << bits;
}

int subnet_allocate(struct addressing *addressing, struct subnet *subnet, struct address *address)
{
	char text[ADDRESS_TEXT];

	for (; subnet->next < numbers_of(&subnet->prefix); subnet->next++) {
		*address = nth(&subnet->prefix, subnet->next);
		if (address_is_taken(addressing, address))
			continue;
		subnet->next++;
		address_take(addressing, address);
		return 0;
	}
	return fail("subnet %s has no more addresses for pods", prefix_text(&subnet->prefix, text));
}

struct subnet *subnet_of(const struct segment *segment, const struct address *address)
{
	for (size_t i = 0; i < segment->count; i++)
		if (prefix_contains(&segment->subnets[i].prefix, address))
			return &segment->subnets[i];
	return NULL;
}

struct subnet *subnet_add(struct segment *segment, const struct prefix *prefix)
{
	struct subnet *subnet;

	GROW(segment->subnets, segment->count, segment->capacity);
	subnet = &segment->subnets[segment->count++];
	*subnet = (struct subnet){.prefix = *prefix, .next = 1};
	return subnet;
}

int bridge_add(struct addressing *addressing, const struct prefix *prefix)
{
	struct subnet *subnet = subnet_add(&addressing->bridge, prefix);

	return subnet_allocate(addressing, subnet, &subnet->gateway);
}

static void mask(struct prefix *prefix, unsigned int length)
{
	char text[ADDRESS_TEXT], whole[ADDRESS_TEXT + 8];

	snprintf(whole, sizeof(whole), "%s/%u", address_text(&prefix->address, text), length);
	prefix_parse(whole, prefix);
}

/* An IPv4 address that is neither the first nor the last of the subnet. */
static bool is_usable(const struct prefix *prefix, const struct address *address)
{
	struct address last = nth(prefix, numbers_of(prefix));

	return address->family == 6 ||
	       (address_compare(address, &prefix->address) && address_compare(address, &last));
}

int bridge_cover(struct addressing *addressing, const struct address *address)
{
	struct prefix prefix = {.address = *address};
	unsigned int length = address->family == 4 ? 24 : 64;

	if (subnet_of(&addressing->bridge, address))
		return 0;
	for (size_t i = 0; i < addressing->choice_count; i++)
		if (prefix_contains(&addressing->choices[i], address))
			return bridge_add(addressing, &addressing->choices[i]);
	do {
		prefix.address = *address;
		mask(&prefix, length--);
	} while (!is_usable(&prefix, address) && length >= 8);
	return bridge_add(addressing, &prefix);
}
