internal import Formats

// Rules that are similar for several tools: a cache is mounted, and the mount has no effect.

extension Linter {
    mutating func lintPip(_ run: Run) {
        let uses = run.calls.all.filter { $0.program == .pip }
        if uses.isEmpty, stage.unusedMount == nil, let mount = run.caches.first,
            run.caches.contains(where: { $0.target.map(Tool.pip.isMeant) ?? false }), isPlain(run.calls)
        {
            stage.unusedMount = (run.place(of: mount.mount).lowerBound, run.instruction.ignored)
        }
        guard uses.contains(where: { Tool.pip.deed($0, run.calls) == .installs }) else { return }
        if run.caches.isEmpty { stage.installsWithoutMount = true }
        for (mount, target) in run.mounts {
            guard let target, Tool.pip.isMeant(target) || target.hasSuffix("/.cache") else { continue }
            if mount.kind == .tmpfs { add(.pipMountTemporary, at: run.place(of: mount).lowerBound, target) }
            if mount.kind == .cache, mount.isReadOnly {
                add(.pipMountReadOnly, at: run.place(of: mount).lowerBound, target)
            }
        }
        lint(.pip, run)
    }

    // Programs that are known not to start pip.
    private static let plainPrograms: Set<ByteString> = [
        "apt-get", "apt", "mkdir", "echo", "true", "ls", "chmod", "chown", "useradd", "adduser", "groupadd", "cd",
        "set", "curl", "wget", "rm", "cp", "mv", "ln",
    ]

    /// Whether a RUN runs nothing but such programs, and perhaps these.
    func isPlain(_ calls: Calls, or isPlain: (Call) -> Bool = { _ in false }) -> Bool {
        calls.scripts.indices.allSatisfy { index in
            let script = calls.scripts[index]
            return script.commands.indices.allSatisfy { number in
                guard let first = script.commands[number].words.first else { return true }
                return Self.plainPrograms.contains(ByteString(script.text.bytes[first.range]))
                    || calls.call(index, number).map(isPlain) ?? false
            }
        }
    }

    mutating func lintNode(_ run: Run) {
        if run.calls.all.contains(where: { $0.program == .npm || $0.program == .yarn }) {
            for (mount, target) in run.caches where target?.lastPathComponent == "node_modules" {
                add(.npmModulesMounted, at: run.place(of: mount).lowerBound, target ?? "")
            }
        }
        lint(.npm, run)
        // yarn 2 and later keep their caches elsewhere.
        let usesYarn = !run.caches.isEmpty && run.calls.all.contains { $0.program == .yarn }
        let bytes = file.source.bytes
        let signs: [StaticString] = ["corepack", ".yarn", "yarn set "]
        if usesYarn, !signs.contains(where: { bytes.contains($0, in: 0..<bytes.count) }) { lint(.yarn, run) }
    }

    mutating func lintUvAndGo(_ run: Run) {
        lint(.uv, run)
        lint(.goModules, run)
        lint(.goBuilds, run)
    }

    private mutating func lint(_ tool: Tool, _ run: Run) {
        guard !run.caches.isEmpty, run.calls.all.contains(where: { $0.program == tool.program }) else { return }
        // Where its cache would be if no options and variables changed it.
        let standard = tool.standardPlace(now)
        for call in run.calls.all where call.program == tool.program {
            guard !mustStop else { return }
            switch tool.deed(call, run.calls) {
            case .installs: lint(tool, run, call, standard)
            case .cleans: lintCleaning(tool, run, call, standard)
            case .other: break
            }
        }
    }

    private mutating func lint(_ tool: Tool, _ run: Run, _ call: Call, _ standard: ByteString?) {
        let calls = run.calls
        let place = cachePlace(tool, call, calls, standard)
        let meant = run.caches.first { one in
            guard let target = one.target else { return false }
            if tool.isMeant(target) { return true }
            return standard.map { $0.relative(to: target) != nil } ?? target.hasSuffix("/.cache")
        }
        let covering = place.path.flatMap(run.covers)
        guard
            let mount = covering ?? meant
                ?? (tool == .uv ? run.caches.first { $0.target.map(Tool.pip.isMeant) ?? false } : nil)
        else { return }
        if call.user != .none {
            if call.user == .su, tool == .pip { add(.pipOtherUser, at: calls.start(of: call)) }
            return
        }
        if case .option = place.source {} else { lintSwitches(tool, run, call) }
        if tool == .pip || tool == .uv { lintOff(tool, run, call) }
        if covering != nil || place.path == nil && tool.isMeant(mount.target ?? "") {
            lintOwner(tool, run, mount.mount, mount.target ?? "")
        } else if place.path != nil {
            lintPlace(tool, run, call, place, mount)
        }
    }

    /// The option that disables a cache: without it, the mount is used.
    private mutating func lintOff(_ tool: Tool, _ run: Run, _ call: Call) {
        for index in run.calls.arguments(of: call) {
            let isOff: Bool
            if tool == .pip {
                // optparse accepts any unambiguous prefix of an option.
                let content = run.calls.content(index, of: call)
                let text = ByteString(run.calls.bytes(of: call)[content])
                isOff = text.count >= 7 && ("--no-cache-dir" as ByteString).hasPrefix(text)
            } else {
                isOff =
                    run.calls.holds("--no-cache", index, of: call) || run.calls.holds("-n", index, of: call)
                    || run.calls.holds("--no-cache-dir", index, of: call)
            }
            guard isOff else { continue }
            let place = run.calls.place(index, of: call)
            add(tool == .pip ? .pipOff : .uvOff, at: place.lowerBound, fix: removal(of: index, call, run))
        }
    }

    /// Variables and files that disable a cache.
    private mutating func lintSwitches(_ tool: Tool, _ run: Run, _ call: Call) {
        if tool == .pip, let place = now.pipConfiguration { add(.pipConfigurationOff, at: place.lowerBound) }
        guard tool == .pip || tool == .uv, !run.unsets else { return }
        let name: ByteString = tool == .pip ? "PIP_NO_CACHE_DIR" : "UV_NO_CACHE"
        guard let (value, place, word) = variable(name, call, run.calls), let value, !value.isEmpty else { return }
        if tool == .uv, !["1", "true", "t", "yes", "y", "on"].contains(value.lowercasedASCII) { return }
        // Otherwise an ENV with the same name would take effect again.
        let fix = now.value(name) == nil ? word.flatMap { removal(of: $0, call, run) } : nil
        let line = lines.place(of: run.calls.start(of: call)).line
        add(
            tool == .pip ? .pipVariableOff : .uvVariableOff, at: place.lowerBound,
            word == nil ? "for line " + ByteString(decimal: line) : "", fix: fix)
    }

    private mutating func lintPlace(
        _ tool: Tool, _ run: Run, _ call: Call, _ place: CachePlace, _ mount: (mount: Mount, target: ByteString?)
    ) {
        let target = mount.target ?? mount.mount.target ?? ""
        let path = place.path ?? ""
        switch place.source {
        case .option(let index):
            if let rule = tool.cacheElsewhere {
                add(
                    rule, at: run.calls.place(index, of: call).lowerBound, path,
                    fix: elsewhereFix(tool, index, call, run))
            }
        case .variable(let name, let place) where tool != .goModules:
            if let rule = tool.cacheElsewhere { add(rule, at: place.lowerBound, name + " is " + path) }
        case .variable, .standard:
            let offset = run.place(of: mount.mount).lowerBound
            let detail = target + ", and not " + path
            if tool == .pip, now.isSurelyOther, target.hasPrefix("/root/") {
                add(.pipMountOfRoot, at: offset, detail)
            } else if let rule = tool.mountElsewhere {
                // Another stage's base may have set a variable that selects this directory.
                guard tool != .goModules || place.isCertain || now.base != .unknown else { return }
                add(rule, at: offset, detail)
            }
        }
    }

    /// `--cache X` is removed if the mount would be used without it, and nothing else in the RUN names X.
    private func elsewhereFix(_ tool: Tool, _ index: Int, _ call: Call, _ run: Run) -> Fix? {
        guard tool == .npm, run.calls.all.count < 64, let standard = tool.standardPlace(now),
            run.covers(standard) != nil,
            tool.variables.allSatisfy({ variable($0.name, call, run.calls) == nil })
        else { return nil }
        let isGlued =
            run.calls.bytes(of: call).firstIndex(of: UInt8(ascii: "="), in: run.calls.content(index, of: call)) != nil
        let value = isGlued ? index : index + 1
        let path =
            ByteString(run.calls.value(value, of: call)).cutLast(at: "=")?.after
            ?? ByteString(run.calls.value(value, of: call))
        let others = run.calls.scripts.flatMap { script in
            script.commands.flatMap {
                $0.words.filter { ByteString(script.text.bytes[$0.range]).range(of: path) != nil }
            }
        }
        guard others.count == 1 else { return nil }
        guard var fix = removal(of: index, call, run) else { return nil }
        if !isGlued {
            guard let second = removal(of: value, call, run) else { return nil }
            fix.edits += second.edits
        }
        return fix
    }

    private mutating func lintOwner(_ tool: Tool, _ run: Run, _ mount: Mount, _ target: ByteString) {
        let offset = run.place(of: mount).lowerBound
        let own = mount.value("uid")
        if now.isSurelyOther {
            if let own {
                guard let uid = own.decimal, let user = now.uid, uid != user else { return }
            }
            guard let rule = tool.unwritable else { return }
            var fix: Fix?
            if own == nil, let uid = now.uid, mount.isPlain {
                let end = run.place(of: mount).upperBound
                fix = Fix(end..<end, ",uid=" + ByteString(decimal: uid))
            }
            add(
                rule, at: offset,
                now.uid.map { target + " of uid " + (own ?? "0") + ", user " + ByteString(decimal: $0) } ?? target,
                fix: fix)
        } else if tool == .pip, now.isSurelyRoot, let uid = own?.decimal, uid != 0 {
            add(.pipMountOfOthers, at: offset, "uid=" + ByteString(decimal: uid))
        }
    }

    private mutating func lintCleaning(_ tool: Tool, _ run: Run, _ call: Call, _ standard: ByteString?) {
        let calls = run.calls
        func says(_ word: StaticString) -> Bool {
            calls.arguments(of: call).contains { calls.holds(word, $0, of: call) }
        }
        let place = cachePlace(tool, call, calls, standard)
        guard call.user == .none, let path = place.path, let mount = run.covers(path) else { return }
        switch tool {
        case .pip: guard says("purge") else { return }
        case .npm, .yarn: guard says("clean") else { return }
        case .uv: guard says("clean") else { return }
        case .goModules: guard says("-modcache") else { return }
        case .goBuilds: guard says("-cache") else { return }
        }
        var rule = tool.emptied
        if mount.target == path, calls.isFatal(call) {
            if tool == .yarn { rule = .yarnMountPointCleaned }
            if tool == .goModules { rule = .goMountPointCleaned }
        }
        // With more arguments than these, it may do more than empty the mounted cache.
        let isAll = calls.arguments(of: call).count <= (tool == .npm || tool == .uv ? 3 : 2)
        add(rule, at: calls.start(of: call), fix: isAll ? removal(ofCommand: call, run) : nil)
    }
}

extension CachePlace {
    fileprivate var isCertain: Bool {
        if case .variable = source { return true }
        return false
    }
}
