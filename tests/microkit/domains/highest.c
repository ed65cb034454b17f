/* SPDX-License-Identifier: BSD-2-Clause */
#include "page.h"

void init(void)
{
    page->outside++;
}

void notified(microkit_channel channel)
{
}
