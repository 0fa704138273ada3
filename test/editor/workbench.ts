/** What a person does in the editor, and what they then see. Everything waits; nothing is sampled. */
import { type Locator, type Page } from 'playwright-core';

const waitMs = 60_000;

export async function openFile(page: Page, name: string): Promise<Locator> {
    await page.keyboard.press('Control+P');
    const input = page.locator('.quick-input-widget input');
    await input.waitFor({ timeout: waitMs });
    await input.fill(name);
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first().click({ timeout: waitMs });
    const editor = page.locator(`.monaco-editor[data-uri$="/${name}"]`).first();
    await editor.waitFor({ timeout: waitMs });
    await editor.locator('.view-line').first().waitFor({ timeout: waitMs });
    return editor;
}

/** Puts the cursor where `|` stands in a piece of the text: `vm.mem|ory`. */
export async function goTo(page: Page, text: string, marked: string): Promise<void> {
    const found = text.indexOf(marked.replace('|', ''));
    if (found < 0) throw new Error(`the text has no ${marked}`);
    const before = text.slice(0, found + marked.indexOf('|')).split('\n');
    await page.keyboard.press('Control+G');
    const input = page.locator('.quick-input-widget input');
    await input.waitFor({ timeout: waitMs });
    await input.fill(`:${before.length}:${(before.at(-1) ?? '').length + 1}`);
    await page.keyboard.press('Enter');
    await input.waitFor({ state: 'hidden', timeout: waitMs });
}

/** Runs a command by its title, as from the keyboard. */
export async function runCommand(page: Page, title: string): Promise<void> {
    await page.keyboard.press('F1');
    const input = page.locator('.quick-input-widget input');
    await input.waitFor({ timeout: waitMs });
    await input.fill(`>${title}`);
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first().waitFor({ timeout: waitMs });
    await page.keyboard.press('Enter');
    await input.waitFor({ state: 'hidden', timeout: waitMs });
}

/** The status bar item of the extension, once it says this. */
export async function statusSays(page: Page, text: string): Promise<void> {
    await page.locator('.statusbar-item').filter({ hasText: text }).first().waitFor({ timeout: waitMs });
}

/** A row of the Problems view with this text. */
export async function problemSays(page: Page, text: string): Promise<void> {
    await page.locator('.markers-panel .monaco-list-row').filter({ hasText: text }).first().waitFor({ timeout: waitMs });
}

/** The suggestions that are in sight for the cursor's place, once this one is among them. */
export async function suggestionsWith(page: Page, label: string): Promise<readonly string[]> {
    await page.keyboard.press('Control+Space');
    const rows = page.locator('.suggest-widget.visible .monaco-list-row .label-name');
    await rows.filter({ hasText: label }).first().waitFor({ timeout: waitMs });
    return rows.allInnerTexts();
}

/** What is shown for the word at the cursor, once it says this. */
export async function hoverSays(page: Page, text: string): Promise<string> {
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Control+I');
    const hover = page.locator('.monaco-hover:not(.hidden) .hover-contents').filter({ hasText: text }).first();
    await hover.waitFor({ timeout: waitMs });
    // It fades in; a picture of it is taken when it stands.
    await hover.evaluate((element) =>
        Promise.all(document.getAnimations().map((animation) => animation.finished)).then(() => element.isConnected),
    );
    return hover.innerText();
}

/** Follows a link of what is shown for the word at the cursor. */
export async function followLink(page: Page, text: string): Promise<void> {
    await page.locator('.monaco-hover:not(.hidden) a').filter({ hasText: text }).first().click({ timeout: waitMs });
}

/** A page that is shown as its author meant it, in the tab of this title. */
export async function pageSays(page: Page, title: string, text: string): Promise<string> {
    await page.locator('.tab.active').filter({ hasText: title }).waitFor({ timeout: waitMs });
    const body = page.frameLocator('iframe.webview.ready').frameLocator('iframe').locator('body');
    await body.getByRole('heading', { name: text }).waitFor({ timeout: waitMs });
    return body.innerText();
}

/** Closes a page, which had the keyboard to itself, and gives the keyboard back to the text beside it. */
export async function closePage(page: Page, title: string): Promise<void> {
    const tab = page.locator('.tab').filter({ hasText: title });
    await tab.click({ button: 'middle', timeout: waitMs });
    await tab.waitFor({ state: 'detached', timeout: waitMs });
    await page.locator('.tab.active').click({ timeout: waitMs });
}

/** Takes one of the changes that are offered at the cursor. */
export async function quickFix(page: Page, title: string): Promise<void> {
    await page.keyboard.press('Control+.');
    const offer = page.locator('.action-widget .monaco-list-row').filter({ hasText: title }).first();
    await offer.click({ timeout: waitMs });
    await offer.waitFor({ state: 'hidden', timeout: waitMs });
}

/** The places that are underlined as errors, once there are so many. */
export async function errorsAre(editor: Locator, count: number): Promise<void> {
    const marks = editor.locator('.squiggly-error');
    const deadline = Date.now() + waitMs;
    while ((await marks.count()) !== count) {
        if (Date.now() > deadline) throw new Error(`${await marks.count()} places are underlined as errors, and ${count} were expected`);
        await editor.page().waitForTimeout(100);
    }
}

/** Looks at every frame, so that not even a moment without an underlined error is missed. */
export async function errorsVanish(page: Page): Promise<void> {
    await page.waitForFunction(() => document.querySelector('.squiggly-error') === null, undefined, { polling: 'raf', timeout: waitMs });
}

/** The colour in which a piece of text stands. */
export async function colourOf(editor: Locator, text: string): Promise<string> {
    const piece = editor.locator('.view-line span span').filter({ hasText: new RegExp(`^\\s*${text}\\s*$`) });
    await piece.first().waitFor({ timeout: waitMs });
    return piece.first().evaluate((element) => getComputedStyle(element).color);
}
