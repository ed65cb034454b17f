/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

void init(void)
{
    say("starts; may notify on", microkit_notifications);
    /* Neither is there: each is a message of the library's in a debug kernel, and nothing else. */
    microkit_notify(7);
    microkit_irq_ack(7);
    microkit_notify(3);
    say("is ready", 1);
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
    print("done\n");
}
