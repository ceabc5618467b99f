// Prisma with its driver adapter: the same clients for the life of the process.
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';
import { RoutedPool } from './routed_pool.mjs';

const sidecars = process.env.SIDECARS.split(',');
const pool = new RoutedPool({ op: 'write', sidecars, max: 10 });
const primary = new PrismaClient({ adapter: new PrismaPg(pool) });
const near = new PrismaClient({ adapter: new PrismaPg(new RoutedPool({ op: 'read', sidecars, max: 10 })) });

// Prisma does not say on which connection it wrote: the newest token of the pool covers it.
export async function write() {
	const { id } = await primary.note.create({ data: {} });
	return { id, token: pool.token };
}

// The transaction keeps both statements on one connection; the second one waits for the token.
export async function read(token) {
	try {
		return await near.$transaction(async tx => {
			await tx.$queryRaw`SELECT set_config('multiregion.wait_for', ${token}, true)`;
			return (await tx.note.aggregate({ _max: { id: true } }))._max.id;
		});
	} catch (error) {
		if (!/MR00[23]/.test(`${error.code} ${error.meta?.code} ${error.message}`)) throw error;
		return (await primary.note.aggregate({ _max: { id: true } }))._max.id; // it is too far behind
	}
}
