// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shell/line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int input_next_of_file(struct input *input, bool first, char **text)
{
	size_t room = 0;
	ssize_t length;

	(void)first;
	*text = NULL;
	length = getline(text, &room, input->data);
	if (length < 0) {
		free(*text);
		*text = NULL;
		return INPUT_END;
	}
	if (length && (*text)[length - 1] == '\n')
		(*text)[length - 1] = '\0';
	return 0;
}

static int next(struct input *input, bool first, char **text)
{
	int result = input->next(input, first, text);

	input->number += !result;
	return result;
}

static void append(struct line *line, const char *text)
{
	size_t length = strlen(text);

	line->body = xrealloc(line->body, line->size + length + 2);
	memcpy(line->body + line->size, text, length);
	line->size += length;
	line->body[line->size++] = '\n';
	line->body[line->size] = '\0';
}

static int read_body(struct input *input, struct line *line)
{
	char *text, *start;
	bool ends = false;
	int result = 0;

	line->body = xstrdup("");
	while (!ends) {
		result = next(input, false, &text);
		if (result == INPUT_END)
			return misuse("the here-document does not end: no line is \"%s\"",
				      line->words.here);
		if (result)
			break;
		start = text + (line->words.tabs ? strspn(text, "\t") : 0);
		ends = !strcmp(start, line->words.here);
		if (!ends)
			append(line, start);
		free(text);
	}
	return result;
}

/* A quote or a backslash is open: one line more. */
static int read_more(struct input *input, struct line *line)
{
	char *text, *longer;
	int result = next(input, false, &text);

	if (result == INPUT_END)
		return misuse("the line does not end: a quote is open");
	if (result)
		return result;
	longer = xprintf("%s\n%s", line->text, text);
	free(line->text);
	free(text);
	line->text = longer;
	split_release(&line->words);
	return split_line(longer, &line->words);
}

bool line_is_shell(const struct line *line)
{
	return line->text[strspn(line->text, " \t")] == '!';
}

int line_read(struct input *input, struct line *line)
{
	int result;

	*line = (struct line){0};
	result = next(input, true, &line->text);
	line->number = input->number;
	if (result)
		return result;
	if (line_is_shell(line))
		return 0;
	result = split_line(line->text, &line->words);
	while (result == SPLIT_OPEN)
		result = read_more(input, line);
	if (!result && line->words.here)
		result = read_body(input, line);
	return result;
}

void line_release(struct line *line)
{
	split_release(&line->words);
	free(line->text);
	free(line->body);
	*line = (struct line){.number = line->number};
}
