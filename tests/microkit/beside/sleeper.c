/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

/* Set by the tool to the channel of Molt's timer: label 1 and a time ask for a wake-up (docs/contracts.md). */
seL4_Word timer;
static seL4_Word wake_ups, asked_for;

static seL4_Word now(void)
{
    seL4_Word value;
    asm volatile("isb; mrs %0, cntpct_el0" : "=r"(value));
    return value;
}

static void sleep_for(seL4_Word milliseconds)
{
    seL4_Word frequency;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    asked_for = now() + frequency / 1000 * milliseconds;
    microkit_mr_set(0, asked_for);
    microkit_msginfo answer = microkit_ppcall(timer, microkit_msginfo_new(1, 1));
    say("the timer's answer", microkit_msginfo_get_label(answer));
}

void init(void)
{
    say("what it does not know it refuses",
        microkit_msginfo_get_label(microkit_ppcall(timer, microkit_msginfo_new(99, 0))));
    sleep_for(5);
}

void notified(microkit_channel channel)
{
    say("woken on", channel);
    say("  not too early", now() >= asked_for);
    if (++wake_ups < 3) {
        sleep_for(5 * wake_ups);
    } else {
        print("done\n");
    }
}
