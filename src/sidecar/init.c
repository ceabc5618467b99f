#include "sidecar/mr_init.h"
MrExit
mr_init(MrSettings *settings)
{
	(void) settings;
	return MR_EXIT_FAILED;
}
