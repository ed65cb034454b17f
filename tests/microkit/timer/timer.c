/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

/* The physical timer of EL1 and EL0 (Arm ARM, DDI 0487, D11.2), which the kernel leaves to user level. */
static void set_timer(seL4_Word milliseconds)
{
    seL4_Word frequency, now;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    asm volatile("isb; mrs %0, cntpct_el0" : "=r"(now));
    asm volatile("msr cntp_cval_el0, %0" :: "r"(now + frequency / 1000 * milliseconds));
    asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(1ul));
}

/* Set by the tool to the interrupt's identifier. */
seL4_Word interrupt;
static seL4_Word ticks;

void init(void)
{
    say("its interrupt is", interrupt);
    set_timer(10);
}

void notified(microkit_channel channel)
{
    if (channel != interrupt) {
        say("notified on", channel);
        print("done\n");
        return;
    }
    ticks++;
    say("tick", ticks);
    if (ticks < 5) {
        set_timer(10);
    } else {
        asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(0ul));
        microkit_notify(2);
    }
    microkit_irq_ack(channel);
}
