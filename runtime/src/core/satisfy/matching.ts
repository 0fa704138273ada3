/**
 * Whether things that must not share a place can all have one. By Hall's theorem they can unless some of them have,
 * together, fewer places than they are; those are found here, and are what a person can count after.
 *
 * Source: P. Hall, On Representatives of Subsets (1935); augmenting paths as by H. W. Kuhn (1955).
 */
export interface TooFew<Thing, Place> {
    readonly things: readonly Thing[];
    /** All places that any of them may have: fewer than there are things. */
    readonly places: readonly Place[];
}

/** Some that have fewer places than they are; undefined where each can have one of its own. Places are taken one by one, until a free one is found. */
export function tooFewPlaces<Thing, Place>(
    things: readonly Thing[],
    placesOf: (thing: Thing) => Iterable<Place>,
): TooFew<Thing, Place> | undefined {
    const holder = new Map<Place, Thing>();
    for (const thing of things) {
        const tried = new Set<Place>();
        if (seat(thing, placesOf, holder, tried)) continue;
        // Every place that was tried is held by one whose places were all tried as well.
        const places = [...tried];
        return { things: [thing, ...places.flatMap((place) => holder.get(place) ?? [])], places };
    }
    return undefined;
}

/** Gives the thing a place, moving others on where that helps. */
function seat<Thing, Place>(
    thing: Thing,
    placesOf: (thing: Thing) => Iterable<Place>,
    holder: Map<Place, Thing>,
    tried: Set<Place>,
): boolean {
    for (const place of placesOf(thing)) {
        if (tried.has(place)) continue;
        tried.add(place);
        const other = holder.get(place);
        if (other === undefined || seat(other, placesOf, holder, tried)) {
            holder.set(place, thing);
            return true;
        }
    }
    return false;
}
