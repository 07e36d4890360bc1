internal import Formats

// apt's caches, and files that are removed by hand.

extension Linter {
    private static let archives: ByteString = "/var/cache/apt/archives"
    private static let lists: ByteString = "/var/lib/apt/lists"
    private static let removal: ByteString = "rm -f /etc/apt/apt.conf.d/docker-clean"

    /// What a RUN does to apt's configuration. An author who mentions docker-clean is assumed to know what they do.
    mutating func noteApt(_ run: Run) {
        func says(_ text: StaticString) -> Bool {
            run.instruction.text.bytes.contains(text, in: run.instruction.arguments)
                || run.instruction.heredocs.contains { file.source.bytes.contains(text, in: $0.body) }
        }
        if says("docker-clean") || says("apt.conf.d/*") { now.keepsArchives = true }
        if says("Keep-Downloaded-Packages") { now.keepsDownloads = true }
    }

    mutating func lintApt(_ run: Run) {
        let calls = run.calls
        let installs = calls.all.filter { call in
            guard call.program == .apt || call.program == .aptGet else { return false }
            return calls.arguments(of: call).contains { index in
                ["install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep"].contains {
                    calls.holds($0, index, of: call)
                }
            }
        }
        let mount = run.covers(Self.archives)
        for call in calls.all where call.program == .apt || call.program == .aptGet {
            guard !mustStop else { return }
            let cleans = calls.arguments(of: call).contains { calls.holds("clean", $0, of: call) }
            guard cleans, mount != nil else { continue }
            let isAll = run.covers("/var/cache/apt") != nil && calls.arguments(of: call).count == 1
            add(.aptEmptied, at: calls.start(of: call), fix: isAll ? removal(ofCommand: call, run) : nil)
        }
        guard let first = installs.first else { return }
        guard mount != nil else {
            installsOutsideMounts = true
            if let other = run.covers(Self.lists) {
                add(.aptMountElsewhere, at: run.place(of: other.mount).lowerBound, other.target ?? "")
            }
            return
        }
        if now.base == .debian, !now.keepsArchives {
            let index = add(
                .aptDockerClean, at: calls.start(of: first),
                now.keepsDownloads ? "Keep-Downloaded-Packages alone does not help" : "")
            if let index, let place = scriptStart(of: run) {
                archiveFixes.append((index, Fix(place.offset..<place.offset, Self.removal + place.joint)))
            }
            // Reported once for everything that follows.
            now.keepsArchives = true
        }
        guard !now.keepsDownloads else { return }
        for call in installs where call.program == .apt {
            let name = calls.content(call.name, of: call)
            let text = calls.scripts[call.script].text
            // Only `install`: the upgrades of the two programs differ.
            let isAlike = calls.arguments(of: call).contains { calls.holds("install", $0, of: call) }
            let isPlain = text.isUnbroken(name) && name.count == 3
            let place = text.source(of: name)
            add(.aptDeletes, at: place.lowerBound, fix: isAlike && isPlain ? Fix(place, "apt-get") : nil)
        }
    }

    /// The place before a RUN's whole script where a command can be inserted, and the separator that it needs.
    private func scriptStart(of run: Run) -> (offset: Int, joint: ByteString)? {
        guard !run.instruction.isJSON, !now.isSurelyOther, let script = run.calls.scripts.first else { return nil }
        guard let first = script.commands.first, first.before == .edge else { return nil }
        let isHeredoc = !run.instruction.heredocs.isEmpty
        let start = script.text.source(of: first.range.lowerBound)
        guard isHeredoc else {
            return first.depth == 0 && first.feeds == nil
                && script.text.source(of: run.instruction.argumentStart) == start
                ? (start, "; ") : nil
        }
        guard let heredoc = run.instruction.heredocs.first, heredoc.body.contains(start), !heredoc.stripsTabs,
            !file.source.bytes.hasPrefix("#!", at: heredoc.body)
        else { return nil }
        return (heredoc.body.lowerBound, "\n")
    }

    // MARK: - rm

    mutating func lintRemovals(_ run: Run) {
        guard !run.caches.isEmpty else { return }
        for call in run.calls.all where call.program == .rm && call.user == .none {
            guard !mustStop else { return }
            let isRecursive = run.calls.arguments(of: call).contains { index in
                run.calls.hasPrefix("-", index, of: call)
                    && (run.calls.holds("--recursive", index, of: call)
                        || !run.calls.hasPrefix("--", index, of: call)
                            && run.calls.value(index, of: call).contains { $0 | 0x20 == UInt8(ascii: "r") })
            }
            let paths = run.calls.positionals(of: call)
            let isFatal = run.calls.isFatal(call)
            for index in paths {
                guard !mustStop else { return }
                guard let path = known(run.calls.value(index, of: call)) else { continue }
                let place = run.calls.place(index, of: call).lowerBound
                let fix = paths.count == 1 ? removal(ofCommand: call, run) : removal(of: index, call, run)
                lintRemoval(of: path, isRecursive: isRecursive, at: place, isFatal, run, fix)
            }
        }
    }

    /// `fix` removes the path; if it is the only one, it removes the command.
    private mutating func lintRemoval(
        of path: ByteString, isRecursive: Bool, at offset: Int, _ isFatal: Bool, _ run: Run, _ fix: Fix?
    ) {
        let isPattern = path.lastPathComponent.contains("*")
        // "/x/*" removes the content of /x.
        let folder = isPattern ? path.parentPath : path
        guard !folder.contains("*"), !folder.contains("?") else { return }
        for (_, target) in run.caches {
            guard let target, target.hasPrefix("/") else { continue }
            if target.relative(to: folder) != nil, !(isPattern && target == folder) {
                // The mount point itself, or a directory around it.
                guard isRecursive, !isPattern || path.lastPathComponent == "*" else { continue }
                if isFatal {
                    add(.mountPointRemoved, at: offset, target)
                } else if let rule = rule(forEmptying: target) {
                    add(rule, at: offset, path)
                }
            } else if folder.relative(to: target) != nil,
                let rule = rule(forEmptying: folder) ?? rule(forEmptying: target)
            {
                add(rule, at: offset, path, fix: fix)
            }
        }
    }

    private func rule(forEmptying path: ByteString) -> Rule? {
        if path.relative(to: "/var/cache/apt") != nil { return .aptEmptied }
        if path.relative(to: "/var/lib/apt") != nil { return .aptListsRemoved }
        if path.relative(to: "/root/.npm") != nil || Tool.npm.isMeant(path) { return .npmEmptied }
        if path.range(of: "/.cache/pip") != nil || Tool.pip.isMeant(path) { return .pipEmptied }
        if path.range(of: "/.cache/uv") != nil { return .uvEmptied }
        return nil
    }
}
