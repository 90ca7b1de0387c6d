// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "interrupt.h"
#include "base.h"

volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void catch (int flags)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	interrupted = 0;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

void interrupt_catch(void)
{
	catch (0);
}

void interrupt_defer(void)
{
	catch (SA_RESTART);
}
