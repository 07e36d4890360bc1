public import Formats
internal import Notes

extension Metrics {
    /// The output format of metrics.
    public enum Format: String, CaseIterable, Sendable {
        /// OpenMetrics 1.0.
        case openmetrics
        /// Prometheus' text format 0.0.4, which node_exporter's textfile collector reads.
        case prometheus
    }

    private enum Kind: ByteString { case counter, gauge, info }

    private struct Family {
        let name: ByteString
        let kind: Kind
        let help: ByteString
        var unit: ByteString?
        var samples: [(label: (name: ByteString, value: ByteString)?, value: ByteString)]
    }

    /// The text. `user` is the user whose builds these are: the files of several users may be read together.
    public func text(_ format: Format, user: UInt32, version: ByteString, store: Store?) -> ByteString {
        var families = [
            Family(
                name: "slipway", kind: .info, help: "The version of Slipway that wrote this.",
                samples: [(("version", version), "1")])
        ]
        families += Counter.allCases.map(family)
        if let store { families += Self.families(of: store) }
        let text = families.map { Self.text(of: $0, format, user) }.joined(separator: "")
        return format == .openmetrics ? text + "# EOF\n" : text
    }

    private static func text(of family: Family, _ format: Format, _ user: UInt32) -> ByteString {
        let suffix: ByteString =
            switch family.kind {
            case .counter: "_total"
            case .gauge: ""
            case .info: "_info"
            }
        let sample = "slipway" + (family.name == "slipway" ? "" : "_" + family.name) + suffix
        // The older format uses the sample's name, and has neither units nor info metrics.
        let name = format == .openmetrics ? sample.dropLast(suffix.count) : sample
        let kind = format == .prometheus && family.kind == .info ? Kind.gauge : family.kind
        var lines: [ByteString] = ["# HELP " + name + " " + family.help, "# TYPE " + name + " " + kind.rawValue]
        if format == .openmetrics, let unit = family.unit { lines.append("# UNIT " + name + " " + unit) }
        for (label, value) in family.samples {
            let labels =
                [
                    label.map { $0.name + "=\"" + escaped($0.value) + "\"" },
                    "user=\"" + ByteString(decimal: user) + "\"",
                ]
                .compactMap { $0 }.joined(separator: ",")
            lines.append(sample + "{" + labels + "} " + value)
        }
        return lines.map { $0 + "\n" }.joined(separator: "")
    }

    private static func escaped(_ value: ByteString) -> ByteString {
        ByteString(
            value.bytes.flatMap { byte -> [UInt8] in
                switch byte {
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): [UInt8(ascii: "\\"), byte]
                case 0x0A: Array("\\n".utf8)
                default: [byte]
                }
            })
    }

    private func family(_ counter: Counter) -> Family {
        let (help, label): (ByteString, ByteString?) =
            switch counter {
            case .commands: ("Commands that were looked at, by kind.", "command")
            case .changed: ("Commands that were given options.", nil)
            case .declined: ("Commands that stayed unchanged, by reason; one may have several.", "code")
            case .imports: ("Builds that import layers.", nil)
            case .leftOut: ("Builds that left something out of what they import, by reason.", "code")
            case .exports: ("Builds that export layers.", nil)
            case .waited: ("Seconds for which builds waited for equal ones.", nil)
            case .builds: ("Builds that ended and of which the engine told the steps.", nil)
            case .cachedSteps: ("Steps of these builds that were cached: hits.", nil)
            case .executedSteps: ("Steps of these builds that were executed.", nil)
            case .missed: ("Builds with a step that was not cached, by the cause of the first.", "cause")
            case .saved:
                ("Seconds that cached steps of builds that imported took when they were last run; an estimate.", nil)
            case .exporting: ("Seconds that exports took.", nil)
            case .exported: ("Bytes that exports brought into the store.", nil)
            case .pushes: ("Pushes to the registry behind the store.", nil)
            case .fetches: ("Fetches from the registry behind the store.", nil)
            case .remoteErrors: ("What failed with the registry behind the store, by reason.", "code")
            }
        let isTime = counter.rawValue.hasSuffix("_seconds")
        let isSize = counter.rawValue.hasSuffix("_bytes")
        let values = counts[counter] ?? [:]
        // A counter without a label exists from the beginning, so that its first step from 0 to 1 is visible.
        let labels = label == nil ? [""] : values.keys.sorted()
        var family = Family(name: counter.rawValue, kind: .counter, help: help, samples: [])
        if isTime || isSize { family.unit = isTime ? "seconds" : "bytes" }
        for value in labels {
            let count = values[value] ?? 0
            var number = ByteString(decimal: isTime ? count / 1_000 : count)
            if isTime { number += "." + ByteString(decimal: count % 1_000).zeroPadded(to: 3) }
            family.samples.append((label.map { ($0, value) }, number))
        }
        return family
    }

    private static func families(of store: Store) -> [Family] {
        func gauge(_ name: ByteString, _ help: ByteString, _ value: UInt64, unit: ByteString? = nil) -> Family {
            Family(name: name, kind: .gauge, help: help, unit: unit, samples: [(nil, ByteString(decimal: value))])
        }
        var families = [
            Family(
                name: "store_bytes", kind: .gauge,
                help: "Bytes in the user's sub-store, by their state in trimming.",
                unit: "bytes", samples: store.bytes.map { (("state", $0.state), ByteString(decimal: $0.bytes)) }),
            gauge(
                "store_budget_bytes", "Bytes that the user's sub-store may hold.", store.budget, unit: "bytes"),
            gauge("store_keys", "Keys in the user's sub-store.", UInt64(clamping: store.keys)),
            gauge("store_exports", "Exports that builds may import.", UInt64(clamping: store.exports)),
            Family(
                name: "store_trims", kind: .counter, help: "Generations of the store that trimming has replaced.",
                samples: [(nil, ByteString(decimal: store.trims))]),
        ]
        if let free = store.free {
            families.append(gauge("store_free_bytes", "Bytes free on the store's disk.", free, unit: "bytes"))
        }
        return families
    }
}
