import { describe, expect, test } from 'vitest';
import { buildCommand, imageName, readMirrors, recipeFor } from './recipe.js';

const noMirrors = { main: undefined, security: undefined, aptSettings: [] };

describe('an image name', () => {
    test('follows from the recipe', () => expect(imageName(recipeFor('trixie'))).toBe(imageName(recipeFor('trixie'))));
    test('changes with anything in the recipe', () => {
        const recipe = recipeFor('trixie');
        const names = [
            recipe,
            recipeFor('bookworm'),
            { ...recipe, packages: [...recipe.packages, 'vim'] },
            { ...recipe, hooks: [] },
            { ...recipe, without: [] },
        ];
        expect(new Set(names.map(imageName)).size).toBe(names.length);
    });
});

describe('the mirrors', () => {
    const targets = [
        'Some Vendor\thttps://packages.example.net/\tnodistro',
        'Debian\thttp://mirror.example.org/debian/\tbookworm-updates',
        'Debian\thttp://mirror.example.org/debian/\tbookworm',
        'Debian\thttp://mirror.example.org/debian-security/\tbookworm-security',
    ].join('\n');
    test("are those of Debian that apt uses, and no vendor's", () => {
        expect(readMirrors(targets, '')).toMatchObject({
            main: 'http://mirror.example.org/debian/',
            security: 'http://mirror.example.org/debian-security/',
        });
    });
    test('are known by their release where apt has fetched no lists yet', () => {
        expect(readMirrors('\thttp://mirror.example.org/debian/\tbookworm\n\thttps://packages.example.net/\tnodistro', '').main).toBe(
            'http://mirror.example.org/debian/',
        );
    });
    test('are reached by the proxy that apt is set to', () => {
        const config = 'APT::Architecture "amd64";\nAcquire::http::Proxy "http://proxy.example.org:3128";\nAcquire::http::Proxy "";';
        expect(readMirrors('', config).aptSettings).toEqual(['Acquire::http::Proxy "http://proxy.example.org:3128";']);
    });
    test('are left to the builder where apt names none', () => {
        expect(readMirrors('', '')).toEqual(noMirrors);
        expect(buildCommand(recipeFor('trixie'), noMirrors, '/image').slice(-2)).toEqual(['trixie', '/image']);
    });
});

test('security updates come with a mirror that has them', () => {
    const command = buildCommand(
        recipeFor('trixie'),
        { main: 'http://m/debian', security: 'http://m/security', aptSettings: [] },
        '/image',
    );
    expect(command.slice(-3)).toEqual(['/image', 'deb http://m/debian trixie main', 'deb http://m/security trixie-security main']);
});
