/* SPDX-License-Identifier: BSD-2-Clause */
#include <microkit.h>

/* Set by the tool. */
seL4_Word page;

static void count(seL4_Word value)
{
    *(volatile seL4_Word *)page = value;
}

void init(void)
{
    count(1);
    /* This core's physical timer (Arm ARM, DDI 0487, D11.2): it is due already. */
    asm volatile("msr cntp_cval_el0, %0" :: "r"(0ul));
    asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(1ul));
}

void notified(microkit_channel channel)
{
    if (channel == 3) {
        asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(0ul));
        microkit_irq_ack(channel);
        count(2);
        return;
    }
    count(3);
    microkit_notify(channel);
}
