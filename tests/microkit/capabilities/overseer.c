/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

/* A capability in slot `n` of the root CNode, which has 2^PD_ROOT_CAP_BITS slots. */
#define SHARED(n) ((seL4_CPtr)(n) << (64 - PD_ROOT_CAP_BITS))

seL4_Word count;
static seL4_Word round, before;

static void wait_a_while(void)
{
    seL4_Word frequency, now;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    asm volatile("isb; mrs %0, cntpct_el0" : "=r"(now));
    asm volatile("msr cntp_cval_el0, %0" :: "r"(now + frequency / 100));
    asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(1ul));
}

void init(void)
{
    say("starts", 0);
    wait_a_while();
}

void notified(microkit_channel channel)
{
    seL4_Word now = *(volatile seL4_Word *)count;
    seL4_SchedContext_Consumed_t consumed;
    switch (++round) {
    case 1:
        say("the worker has worked", now > 0);
        consumed = seL4_SchedContext_Consumed(SHARED(63));
        say("  and used time", consumed.error == seL4_NoError && consumed.consumed > 0);
        say("  suspended", seL4_TCB_Suspend(SHARED(1)));
        say("  its code is clean", seL4_ARM_VSpace_Clean_Data(SHARED(5), 0x200000, 0x200040));
        break;
    case 2:
        say("it stood still", now == before);
        say("  resumed", seL4_TCB_Resume(SHARED(1)));
        break;
    default:
        say("it went on", now > before);
        asm volatile("msr cntp_ctl_el0, %0; isb" :: "r"(0ul));
        print("done\n");
        microkit_irq_ack(channel);
        return;
    }
    before = *(volatile seL4_Word *)count;
    wait_a_while();
    microkit_irq_ack(channel);
}
