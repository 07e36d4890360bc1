/// The look of the page: on paper, on a phone, in dark mode.
enum ReportStyle {
    static let sheet: HTML = """

        :root { --ink: #1c2128; --dim: #57606a; --paper: #ffffff; --line: #d0d7de; --fill: #0a6c74; --ground: #eaeef2; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6edf3; --dim: #9da7b1; --paper: #0f1419; --line: #30363d; --fill: #3fb6bf; --ground: #21262d; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
        h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
        p { margin: .25rem 0 .75rem; max-width: 46rem; }
        .skip { position: absolute; left: -100vw; padding: .5rem 1rem; background: var(--fill); color: var(--paper); }
        .skip:focus { left: 0; }
        :focus-visible { outline: 3px solid var(--fill); outline-offset: 2px; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
        .figures div { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
        .figures dt { color: var(--dim); font-size: .875rem; }
        .figures dd { margin: 0; font-size: .875rem; color: var(--dim); }
        .figures b { display: block; font-size: 1.6rem; line-height: 1.3; color: var(--ink); font-variant-numeric: tabular-nums; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
        caption { text-align: left; color: var(--dim); font-size: .875rem; padding-bottom: .35rem; }
        th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
        thead th { color: var(--dim); font-weight: 600; font-size: .8125rem; white-space: nowrap; }
        tbody th { font-weight: 500; }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .d { white-space: nowrap; }
        summary { cursor: pointer; padding: .25rem 0; }
        code { font: .875em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
        .bar { display: inline-block; width: 8rem; height: .6rem; background: var(--ground); border-radius: .3rem; overflow: hidden; }
        .bar span { display: block; height: 100%; background: var(--fill); }
        .chart { display: block; width: 100%; max-width: 40rem; height: 8rem; margin: .5rem 0 1rem; border-bottom: 1px solid var(--line); }
        .chart rect { fill: var(--fill); }
        @media print {
          :root { --ink: #000000; --dim: #333333; --paper: #ffffff; --line: #999999; --fill: #555555; --ground: #dddddd; }
          .skip { display: none; }
          .wide { overflow: visible; }
          summary { display: none; }
          details::details-content { content-visibility: visible; block-size: auto; }
          section { break-inside: avoid-page; }
          * { print-color-adjust: exact; }
        }

        """
}
