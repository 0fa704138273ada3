import { type TextDocumentContentProvider, Uri, workspace } from 'vscode';

/** Scheme of the pages of rules: documents that nobody can edit, shown without a network. */
export const rulePageScheme = 'mig-rule';

/** The pages that the package carries: `mig-rule:/MIG301.md` is `rules/MIG301.md` in it. */
export class RulePages implements TextDocumentContentProvider {
    readonly #folder: Uri;

    constructor(extension: Uri) {
        this.#folder = Uri.joinPath(extension, 'rules');
    }

    /** Rejects for a page that there is not; the editor says so. */
    async provideTextDocumentContent({ path }: Uri): Promise<string> {
        const page = Uri.joinPath(this.#folder, path.slice(path.lastIndexOf('/') + 1));
        return new TextDecoder().decode(await workspace.fs.readFile(page));
    }
}
