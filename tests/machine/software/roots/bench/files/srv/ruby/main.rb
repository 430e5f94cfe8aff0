# A small application: notes in a store of its own, pages by ERB, children, threads, temporary files
require 'webrick'
require 'erb'
require 'pstore'
require 'tempfile'
require 'open3'

NOTES = PStore.new('/var/lib/ruby-notes/store', true)
server = WEBrick::HTTPServer.new(Port: 8080, BindAddress: '0.0.0.0', DoNotReverseLookup: true, AccessLog: [],
                                 MaxClients: 300)
answer = lambda { |path, &work|
  server.mount_proc(path) { |request, reply| reply.body = work.call(request).to_s }
}
answer.call('/') { ERB.new('<%= %w[r u b y].join %>').result }
answer.call('/fork') { reader, writer = IO.pipe
  child = fork { writer.write('forked'); exit!(0) }
  writer.close
  Process.wait(child)
  reader.read }
answer.call('/threads') { Array.new(8) { |n| Thread.new { n * n } }.sum(&:value) }
answer.call('/child') { Open3.capture2('id', '-un')[0].strip }
answer.call('/temporary') { Tempfile.create('x') { |file| file.write('made'); file.rewind; file.read } }
answer.call('/put') { |request| NOTES.transaction { NOTES[request.query_string] = 'kept' } }
answer.call('/get') { |request| NOTES.transaction(true) { NOTES[request.query_string] } }
trap('TERM') { server.shutdown }
server.start
