/** Options of every command that reads a policy. */
export interface PolicyOptions {
    readonly inventory?: string;
    readonly set: Readonly<Record<string, string>>;
    readonly policy?: string;
    readonly host?: string;
    readonly maintenance: readonly string[];
    readonly json?: boolean;
    readonly window?: number;
}

export interface PlanOptions extends PolicyOptions {
    readonly actions?: boolean;
    readonly save?: string;
    readonly snapshot?: string;
}

export interface RunOptions extends PolicyOptions {
    readonly yes?: boolean;
    readonly dryRun?: boolean;
    readonly metrics?: string;
    readonly actions?: boolean;
    readonly snapshot?: string;
    readonly seed: number;
}
