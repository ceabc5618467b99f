/*
 * `multiregiond settings`: what is in force, without secrets.
 */
#ifndef MR_SHOW_H
#define MR_SHOW_H

#include "sidecar/mr_serve.h"

/*
 * Prints a line for each variable: name, who reads it (a word of MR_VARIABLE_OWNER_LIST),
 * where its value comes from, value. Takes the settings over.
 */
extern MrExit mr_show_settings(MrSettings *settings);

#endif /* MR_SHOW_H */
