import Formats
import Glibc
import Host

/// What libFuzzer tests, and what Growth.swift runs with ever larger inputs: readers of input from users, engines and
/// files, each with the properties that must hold for every input. FUZZ_TARGET names the one for this process. To add
/// one, add a row here, a folder of seeds, and rows in Growth.swift.
private let targets: [String: @Sendable (ByteString) -> Void] = [
    "arguments": CommandLines.check,
    "settings": Texts.settings,
    "json": Texts.json,
    "csv": Texts.csv,
    "http": Answers.http,
    "engine": Answers.bodies,
    "buildkit": Answers.call,
    "mountinfo": Texts.mountInfo,
    "index": Store.check,
    "union": Unions.check,
    "git": Texts.git,
    "docker-config": Texts.dockerFiles,
    "records": Texts.records,
    "metrics": Texts.metrics,
    "bake-definition": Texts.definition,
    "dockerfile": Dockerfiles.check,
    "git-index": Trees.index,
    "tree-texts": Trees.texts,
    "context-record": Trees.record,
    "conversation": Answers.conversation,
    "bytes": Texts.bytes,
]

/// What Growth runs with ever larger inputs.
let allTargets = targets.keys.sorted()
func target(named name: String) -> (@Sendable (ByteString) -> Void)? { targets[name] }

private let chosen: @Sendable (ByteString) -> Void = {
    guard let name = getenv("FUZZ_TARGET").map({ String(cString: $0) }), let target = targets[name] else {
        print("FUZZ_TARGET must be one of: " + targets.keys.sorted().joined(separator: " "))
        exit(2)
    }
    return target
}()

/// Ends the process, which libFuzzer counts as a finding, and keeps the input.
func require(_ holds: Bool, _ what: @autoclosure () -> String) {
    guard !holds else { return }
    Kernel.printError(ByteString("property broken: " + what() + "\n"))
    abort()
}

/// libFuzzer calls this for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen(ByteString(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
