// Builds that follow one another in one directory. Each has a directory of its own, named after what is in it, and the door leads
// to the latest: a process that is at work goes on loading its parts from the build that it began with, and one that starts
// meanwhile finds a whole build.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** A run may take a night while a developer builds again and again. */
const kept = 8;

/** Puts a build in place: files by their names, among them the door's, which is also written beside the builds. */
export async function putInPlace(directory, files, door) {
    const all = createHash('sha256');
    for (const [name, contents] of files) all.update(name).update(contents);
    const id = all.digest('hex');
    const build = join(directory, id.slice(0, 16));
    // What was compiled by another build is not taken for this one's.
    if (existsSync(build)) await utimes(build, new Date(), new Date());
    else await writeWhole(build, new Map([...files, ['build-id', id]]));
    await replace(join(directory, door), `import './${basename(build)}/${door}';\n`);
    await removeOld(directory, door);
}

async function writeWhole(build, files) {
    const unfinished = `${build}.${randomUUID()}`;
    await mkdir(unfinished, { recursive: true });
    for (const [name, contents] of files) await writeFile(join(unfinished, name), contents);
    try {
        await rename(unfinished, build);
    } catch (error) {
        await rm(unfinished, { recursive: true });
        // Somebody else has built the same meanwhile.
        if (!existsSync(build)) throw error;
    }
}

/** Left alone where it says the same already: compiled code is kept as long as the door is the same. */
async function replace(file, text) {
    if (existsSync(file) && (await readFile(file, 'utf8')) === text) return;
    const unfinished = `${file}.${randomUUID()}`;
    await writeFile(unfinished, text);
    await rename(unfinished, file);
}

async function removeOld(directory, door) {
    const names = (await readdir(directory)).filter((name) => name !== door);
    const all = await Promise.all(names.map(async (name) => ({ name, at: await age(join(directory, name)) })));
    const isBuild = ({ name }) => /^[0-9a-f]{16}$/.test(name);
    const latest = new Set(
        all
            .filter(isBuild)
            .sort((a, b) => b.at - a.at)
            .slice(0, kept),
    );
    // What is no build belongs to one that is being written, unless nobody has touched it for an hour.
    const old = all.filter((one) => !latest.has(one) && (isBuild(one) || one.at < Date.now() - 3_600_000));
    for (const { name } of old) await rm(join(directory, name), { recursive: true, force: true });
}

/** When a file was changed; somebody else may have removed it meanwhile. */
const age = async (file) => (await lstat(file).catch(() => undefined))?.mtimeMs ?? 0;
