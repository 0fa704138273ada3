/** What this project writes into a domain's metadata: tags that people give, and the mark of the run that moves it. */
import type { Tags } from '../../../core/index.js';
import { escapeXml, type XmlElement } from './xml.js';

export const tagsNamespace = 'urn:mig:tags:1';
export const moverNamespace = 'urn:mig:mover:1';
/** The prefix that libvirt writes for our elements. */
export const metadataPrefix = 'mig';

export interface MoverMark {
    readonly run: string;
    readonly epoch: number;
}

/** Tags of a `<metadata>` element; a tag without a value has the value ''. */
export function readTags(metadata: XmlElement): Tags {
    const tags = metadata.inNamespace(tagsNamespace, 'tags').children('tag');
    return Object.fromEntries(
        tags.flatMap((tag) => (tag.attribute('name') === undefined ? [] : [[tag.attribute('name') ?? '', tag.attribute('value') ?? '']])),
    );
}

/** The mark in a `<metadata>` element. */
export function readMover(metadata: XmlElement): MoverMark | undefined {
    return moverOf(metadata.inNamespace(moverNamespace, 'mover'));
}

/** The mark of a `<mover>` element by itself. */
export function moverOf(element: XmlElement): MoverMark | undefined {
    const run = element.attribute('run');
    const epoch = Number(element.attribute('epoch'));
    return run === undefined || !Number.isInteger(epoch) ? undefined : { run, epoch };
}

/** Without its namespace: libvirt adds it. */
export function moverXml(mark: MoverMark): string {
    return `<mover run="${escapeXml(mark.run)}" epoch="${String(mark.epoch)}"/>`;
}
