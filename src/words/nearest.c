// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "words/nearest.h"
#include <string.h>

#define LONGEST 32

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Letters to add, drop, change, or swap with their neighbour. */
static int distance(const char *a, const char *b)
{
	int row[LONGEST + 1][LONGEST + 1];
	int a_length = (int)strlen(a), b_length = (int)strlen(b);

	if (a_length > LONGEST || b_length > LONGEST)
		return LONGEST;
	for (int i = 0; i <= a_length; i++)
		row[i][0] = i;
	for (int j = 0; j <= b_length; j++)
		row[0][j] = j;
	for (int i = 1; i <= a_length; i++)
		for (int j = 1; j <= b_length; j++) {
			int change = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			row[i][j] = least(change, least(row[i - 1][j], row[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[i][j] = least(row[i][j], row[i - 2][j - 2] + 1);
		}
	return row[a_length][b_length];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	int length = (int)strlen(nearest->word);
	int found = distance(nearest->word, candidate);

	if (found > (length < 4 ? 1 : 1 + length / 4))
		return;
	if (!nearest->best || found < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = found;
	}
}
