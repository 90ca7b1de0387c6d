// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/symbols.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"

struct symbol {
	uint64_t address;
	char *name;
};

struct symbols {
	struct symbol *symbol;
	size_t count, capacity;
};

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

struct symbols *symbols_read(void)
{
	struct symbols *symbols = xalloc(sizeof(*symbols));
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char type, name[512];

	while (file && fscanf(file, "%llx %c %511s%*[^\n]", &address, &type, name) == 3) {
		if (!address || (type | 0x20) == 'd' || (type | 0x20) == 'b' || type == 'a' ||
		    type == 'A')
			continue;
		GROW(symbols->symbol, symbols->count, symbols->capacity);
		symbols->symbol[symbols->count++] = (struct symbol){address, xstrdup(name)};
	}
	if (file)
		fclose(file);
	qsort(symbols->symbol, symbols->count, sizeof(*symbols->symbol), compare);
	return symbols;
}

void symbols_free(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++)
		free(symbols->symbol[i].name);
	free(symbols->symbol);
	free(symbols);
}

char *symbol_name(const struct symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbol[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? xstrdup(symbols->symbol[low - 1].name)
		   : xprintf("0x%llx", (unsigned long long)address);
}
