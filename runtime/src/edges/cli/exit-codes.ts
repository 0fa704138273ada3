/** What `mig-run` ends with; scripts rely on these numbers (docs/exit-codes.md is made from this table). */
export const exitCodes = {
    ok: { code: 0, meaning: 'Everything was done and every promise held, or there was nothing to do.' },
    broken: {
        code: 1,
        meaning:
            'The run ended, and a VM was not moved, not shut down or did not answer, a hook failed or a promise was broken: the report says which. Or `fmt --check` found a file that is not formatted.',
    },
    usage: { code: 2, meaning: 'The command line is wrong, or a file that it names cannot be read.' },
    invalid: { code: 3, meaning: 'The policy or the inventory has errors. Nothing was done.' },
    host: { code: 4, meaning: 'A host that is needed could not be reached, or refused us. Nothing was done.' },
    noPlan: { code: 5, meaning: 'No plan: no destination fits, or the policy asks for what is not built yet. Nothing was done.' },
    stale: { code: 6, meaning: 'The saved plan no longer holds. Nothing was done.' },
    journal: { code: 7, meaning: 'The journal cannot be written or read. Nothing was done.' },
    held: { code: 8, meaning: 'A VM is held: a person has to decide, and `mig-run status` says what is where.' },
    declined: { code: 9, meaning: 'The plan was shown and not confirmed. Nothing was done.' },
    internal: { code: 70, meaning: 'A fault of mig-run itself.' },
    unwritten: { code: 74, meaning: 'All went as asked, and the output could not be written (a full disk, say).' },
    interrupted: { code: 130, meaning: 'Stopped by a person; what had begun was brought to a safe end.' },
} as const;

export type ExitName = keyof typeof exitCodes;
