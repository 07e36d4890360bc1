import ArgumentParser
import BuildCache
import Formats
import Host
import Notes
import Planning
import Shim

/// `slipway status`
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is in the store and in the package caches.",
        discussion: """
            For each key: bytes that only it has and bytes that it shares, builds and branches, last use. For each \
            union that builds import: its exports, records and layers, and what was left out, and why. For each \
            generation: the processes that hold its lease, as far as they are visible here. For the registry in the \
            setting remote: what was last pushed and fetched, and what failed. Then, if an engine answers within two \
            seconds, its package caches. Changes nothing. Exits with 1 if a sub-store cannot be read.
            """,
        aliases: ["inspect"])

    @OptionGroup var place: StoreOption

    @Flag(
        help: """
            Print JSON: store, fileSystem, free, budget, parts (user, path, trusted, usage, generations, trimming, keys, unions; or \
            error), remote (remote, role, keys, failures; null without one), packages (generations, views, shared, containers, bytes; null without an engine). Sizes are in bytes, times in seconds since 1970.
            """)
    var json = false

    func run() throws {
        let settings = LoadedSettings.load().settings
        let layout = try place.layout(settings)
        let budget = settings.trimBudget
        let free = try? Files.space(at: layout.root).available
        let system = try? Files.fileSystem(at: layout.root)
        var members: [JSON.Member] = [
            .init(name: "store", value: .string(layout.root)),
            .init(name: "fileSystem", value: system.map { .string($0.name) } ?? .null),
            .init(name: "free", value: free.map { .integer(Int(clamping: $0)) } ?? .null),
            .init(name: "budget", value: .integer(Int(clamping: budget))),
        ]
        var subStores: [JSON] = []
        var failed = false
        if !json {
            let room = free.map { ", " + ByteSize.text($0) + " free" } ?? ""
            Output.write(Output.lines([layout.root + (system.map { " on " + $0.name } ?? "") + room]))
        }
        let trusted = settings.readUsers(besides: Kernel.userID)
        for subStore in layout.subStores {
            do throws(StoreError) {
                let found = try SubStoreSummary(
                    of: subStore, in: Store(layout), othersUpTo: settings.unionOthersAge, trusting: trusted)
                guard let summary = found else { continue }
                let isTrusted = trusted.contains(subStore.user)
                if json {
                    subStores.append(summary.json(isTrusted: isTrusted))
                } else {
                    Output.write(coloured: summary.text(budget: budget, isTrusted: isTrusted))
                }
            } catch {
                failed = true
                subStores.append(
                    .object([
                        "user": .integer(Int(subStore.user)), "path": .string(subStore.path),
                        "error": .string(error.note.message),
                    ]))
                if !json { Output.complain(subStore.path + ": " + error.note.message + "; see `slipway doctor`") }
            }
        }
        for place in layout.squatted {
            // Another user must not be able to make every status command of root's fail.
            failed = failed || place.user == Kernel.userID
            subStores.append(
                .object([
                    "user": .integer(Int(place.user)), "path": .string(place.path), "error": .string(place.text),
                ]))
            if !json { Output.complain(place.text) }
        }
        if !json && layout.subStores.isEmpty { Output.write("  nothing has been exported yet\n") }
        let remote = RemoteAccount(settings.remote)
        if !json, let remote { Output.write(remote.text) }
        let packages = PackageSummary.gather()
        if json {
            members.append(.init(name: "parts", value: .array(subStores)))
            members.append(.init(name: "remote", value: remote?.json ?? .null))
            members.append(.init(name: "packages", value: packages?.json ?? .null))
            Output.write(.object(members))
        } else if let packages, !packages.isEmpty {
            Output.write(packages.text)
        }
        if failed { throw ExitCode.failure }
    }
}

extension SubStoreSummary {
    /// Stable for programs.
    func json(isTrusted: Bool) -> JSON {
        .object([
            "user": .integer(Int(subStore.user)), "path": .string(subStore.path), "trusted": .bool(isTrusted),
            "usage": usage.json,
            "generations": .array(
                generations.map {
                    .object([
                        "name": .string($0.name), "current": .bool($0.isCurrent),
                        "bytes": .integer(Int(clamping: $0.bytes)),
                        "holders": .array($0.holders.compactMap(\.process).map { .integer(Int($0)) }),
                        "heldBy": .array($0.holders.map(\.json)),
                    ])
                }),
            "trimming": .array(trimmers.map(\.json)), "keys": .array(keys.map(\.json)),
            "unions": .array(unions.map(\.json)),
        ])
    }

    /// For people, with a budget in bytes.
    func text(budget: UInt64, isTrusted: Bool) -> ByteString {
        let warning: ByteString = usage.total > budget ? "  over the budget: `slipway trim`" : ""
        let colour: Terminal.Colour =
            usage.total > budget ? .red : usage.total > budget / 5 * 4 ? .yellow : .green
        let head =
            Output.lines(["", subStore.path]) + "  " + Terminal.bar(usage.total, of: budget, colour)
            + Output.lines([ByteSize.text(usage.total) + " of " + ByteSize.text(budget) + warning])
        var lines: [ByteString] = []
        lines.append(
            "  live " + ByteSize.text(usage.live) + ", orphaned " + ByteSize.text(usage.orphaned)
                + ", unfinished " + ByteSize.text(usage.unfinished) + ", waiting for builds "
                + ByteSize.text(usage.waiting))
        for generation in generations {
            let held: ByteString =
                generation.holders.isEmpty
                ? "" : ", in use by " + generation.holders.map(\.text).joined(separator: ", ")
            lines.append(
                "  " + generation.name + (generation.isCurrent ? " (current) " : " ") + ByteSize.text(generation.bytes)
                    + held)
        }
        if !trimmers.isEmpty {
            lines.append("  is being trimmed by " + trimmers.map(\.text).joined(separator: ", "))
        }
        if !isTrusted {
            lines.append("  " + ByteString(Reason.unionNotTrusted.sentence) + " (" + Reason.unionNotTrusted.code + ")")
        }
        lines += unions.flatMap(\.lines)
        if !keys.isEmpty {
            lines.append("        own     shared  builds  branches  last used         key")
        }
        for key in keys {
            let words = [key.words("repository"), key.words("target")].filter { !$0.isEmpty }.joined(
                separator: " target ")
            lines.append(
                ByteSize.text(key.ownBytes).padded(left: 11) + ByteSize.text(key.sharedBytes).padded(left: 11)
                    + ByteString(decimal: key.complete).padded(left: 8)
                    + ByteString(decimal: key.variants).padded(left: 10)
                    + "  " + Timestamp.text(Int(key.lastUsed / 1_000_000_000)).prefix(16) + "  " + key.name
                    + (words.isEmpty ? "" : "  calls itself " + words)
                    + (key.damaged == 0 ? "" : "  " + ByteString(decimal: key.damaged) + " damaged"))
        }
        return head + Output.lines(lines)
    }
}

extension SubStoreSummary.Key {
    /// A field of the key's description; empty if there is none.
    func words(_ name: ByteString) -> ByteString { description?[key: name]?.string ?? "" }

    var json: JSON {
        .object([
            "name": .string(name), "key": description ?? .null, "variants": .integer(variants),
            "exports": .object([
                "complete": .integer(complete), "unfinished": .integer(unfinished), "damaged": .integer(damaged),
            ]),
            "ownBytes": .integer(Int(clamping: ownBytes)), "sharedBytes": .integer(Int(clamping: sharedBytes)),
            "lastUsed": .integer(Int(lastUsed / 1_000_000_000)),
        ])
    }
}
