/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

void init(void)
{
}

void notified(microkit_channel channel)
{
    say("notified on", channel);
    microkit_notify(channel);
}
