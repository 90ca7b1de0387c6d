// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/metrics.h"
#include <time.h>

void counts_commit(struct counts *counts, int64_t waited_ms, int64_t took_ms)
{
	counts->commits++;
	counts->lag_ms = waited_ms + took_ms;
	counts->lag_sum_ms += counts->lag_ms;
	if (counts->commits > 1 && counts->lag_ms > counts->lag_most_ms)
		counts->lag_most_ms = counts->lag_ms;
	counts->commit_ms = took_ms;
	counts->commit_sum_ms += took_ms;
	counts->last = time(NULL);
}

static void print(FILE *to, const char *name, const char *type, const char *help, double value)
{
	fprintf(to, "# HELP npctl_agent_%s %s\n# TYPE npctl_agent_%s %s\nnpctl_agent_%s %.15g\n",
		name, help, name, type, name, value);
}

static void print_lag(FILE *to, const struct counts *counts)
{
	static const char name[] = "npctl_agent_lag_seconds";

	fprintf(to,
		"# HELP %s From a change's coming to its being in force.\n# TYPE %s summary\n"
		"%s_sum %.15g\n%s_count %llu\n",
		name, name, name, (double)counts->lag_sum_ms / 1000, name,
		(unsigned long long)counts->commits);
	print(to, "last_lag_seconds", "gauge", "The same of the last commit.",
	      (double)counts->lag_ms / 1000);
	print(to, "most_lag_seconds", "gauge", "The longest of all but the first.",
	      (double)counts->lag_most_ms / 1000);
	print(to, "last_commit_seconds", "gauge", "How long the last commit took.",
	      (double)counts->commit_ms / 1000);
}

static void print_objects(FILE *to, const struct mirror *mirror)
{
	json_t *kinds = mirror_counts(mirror), *count;
	const char *kind;

	fprintf(to, "# HELP npctl_agent_objects Objects that are followed.\n"
		    "# TYPE npctl_agent_objects gauge\n");
	json_object_foreach (kinds, kind, count)
		fprintf(to, "npctl_agent_objects{kind=\"%s\"} %lld\n", kind,
			(long long)json_integer_value(count));
	json_decref(kinds);
}

void counts_print(const struct counts *counts, const struct source *source, bool well, FILE *to)
{
	print(to, "well", "gauge", "1 when all that there is is followed and in force.", well);
	print(to, "syncs_total", "counter", "Commits of what was followed.",
	      (double)counts->commits);
	print(to, "sync_failures_total", "counter", "Commits that were refused.",
	      (double)counts->failures);
	print(to, "last_sync_timestamp_seconds", "gauge", "When the last commit was made.",
	      (double)counts->last);
	print_lag(to, counts);
	print_objects(to, source->mirror);
	print(to, "events_total", "counter", "Changes that came.", (double)source->events);
	print(to, "errors_total", "counter", "Files, lists and watches that failed.",
	      (double)source->errors);
	print(to, "refused_objects_total", "counter", "Objects that cannot be understood.",
	      (double)source->refused);
	print(to, "relists_total", "counter", "Times all was read anew.", (double)source->relists);
	print(to, "reconnects_total", "counter", "Watches that were begun again.",
	      (double)source->reconnects);
}
