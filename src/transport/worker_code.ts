// Derived from src/transport/worker_main.ts by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the thread: the function `start` of `worker_main.ts`, and all that it uses. */
export const WORKER_CODE: string =
  'var builtin={get asyncHooks(){return process.getBuiltinModule("node:async_hooks")},get crypto(){return process.\n' +
  'getBuiltinModule("node:crypto")},get dns(){return process.getBuiltinModule("node:dns")},get fs(){return process.\n' +
  'getBuiltinModule("node:fs")},get net(){return process.getBuiltinModule("node:net")},get os(){return process.\n' +
  'getBuiltinModule("node:os")},get stream(){return process.getBuiltinModule("node:stream")},get tls(){\n' +
  'return process.getBuiltinModule("node:tls")},get workerThreads(){return process.getBuiltinModule("no\\\n' +
  'de:worker_threads")}};function isAddress(text){if(text.includes(":"))return URL.canParse(`http://[${text.replace(/%[\\w.~-]+$/,\n' +
  '"")}]`)&&!/[[\\]/]/.test(text);const parts=text.split(".");return parts.length===4&&parts.every(part=>/^(?:0|[1-9]\\d{0,2})$/.\n' +
  'test(part)&&Number(part)<=255)}var runtime="Deno"in globalThis?"deno":"Bun"in globalThis?"bun":"node";var system=runtime==="deno"?Deno.\n' +
  "build.os:process.platform;async function resolve(host){const{Bun}=globalThis;if(Bun!==void 0){return(await Bun.dns.lookup(host,\n" +
  '{backend:"getaddrinfo"})).map(({address})=>address)}return await new Promise((resolve2,reject)=>{builtin.\n' +
  'dns.lookup(host,{all:true,order:"verbatim"},(error,found)=>{if(error)reject(error);else resolve2(found.\n' +
  "map(({address})=>address))})})}function endsOf(socket,left){const{localAddress,localPort,remoteAddress,\n" +
  "remotePort}=socket;if(!localAddress||!localPort||!remoteAddress||!remotePort)return void 0;return{local:{\n" +
  "host:localAddress,port:localPort},remote:{host:remoteAddress,port:remotePort},...left>0?{left}:{}}}function setKeepAlive(socket,options){\n" +
  "const{keepAliveIdle=72e5,keepAliveInterval=75e3,keepAliveCount=9}=options;socket.setKeepAlive.call(socket,\n" +
  "true,keepAliveIdle,keepAliveInterval,keepAliveCount)}function startTlsOn(socket,options){const encrypted=builtin.tls.connect({socket,...tlsConnectionOptions(\n" +
  'options),secureContext:contextOf(options)});if(runtime==="deno")encrypted.prependOnceListener("error",\n' +
  'nameWrongSignature);return encrypted}function nameWrongSignature(error){if(error.code!=="UNABLE_TO_V\\\n' +
  'ERIFY_LEAF_SIGNATURE"&&error.code!=="DEPTH_ZERO_SELF_SIGNED_CERT")return;delete error.code;error.message=\n' +
  '"a signature is wrong: the server does not have the private key of its certificate, or it is a key w\\\n' +
  'hose signatures Deno does not verify, such as RSA of less than 2048 bits"}function tlsConnectionOptions(options){\n' +
  "const{serverName,certificate,privateKey,minVersion,maxVersion}=options;return{rejectUnauthorized:false,\n" +
  'ALPNProtocols:["postgresql"],...serverName===void 0?{}:{servername:serverName},...certificate===void 0||\n' +
  "privateKey===void 0?{}:{cert:certificate,key:privateKey},...minVersion===void 0?{}:{minVersion},...maxVersion===\n" +
  "void 0?{}:{maxVersion}}}function contextOf(options){const{certificate,privateKey,minVersion,maxVersion}=options;\n" +
  "const make=()=>{return builtin.tls.createSecureContext(tlsConnectionOptions({...options,serverName:void 0}))};\n" +
  "if(certificate!==void 0||privateKey!==void 0)return make();const versions=`${minVersion} ${maxVersion}`;\n" +
  "let context=contexts.get(versions);if(context===void 0)contexts.set(versions,context=make());return context}\n" +
  "var contexts=new Map;function tlsSessionOf(socket){const{name,standardName}=socket.getCipher();return{\n" +
  'protocol:socket.getProtocol()??"unknown",cipher:standardName??name,alpn:socket.alpnProtocol||void 0,\n' +
  'chain:chainOf(socket)}}function chainOf(socket){const chain=[];let next=runtime==="node"?socket.getPeerX509Certificate():\n' +
  "socket.getPeerCertificate(true);while(next?.raw!==void 0&&chain.length<100){chain.push(new Uint8Array(\n" +
  'next.raw));const issuer=next.issuerCertificate;next=issuer===next?void 0:issuer}return chain}function canonicalHost(host){if(!host.includes(":"))return host;const url=`http://[${host.replace(/%.*$/,\n' +
  '"")}]`;if(!URL.canParse(url))return host;const address=new URL(url).hostname.slice(1,-1);const mapped=/^::ffff:([0-9a-f]+):([0-9a-f]+)$/.\n' +
  "exec(address);if(mapped===null)return address;const[high,low]=[parseInt(mapped[1],16),parseInt(mapped[2],\n" +
  '16)];return[high>>8,high&255,low>>8,low&255].join(".")}function addressesToDial(found,{tried=[],isShuffled=false},textOf){if(tried.length===0&&!isShuffled)\n' +
  "return found;const left=found.filter(address=>!tried.includes(canonicalHost(textOf(address))));if(left.\n" +
  "length===0)throw new Error(NO_OTHER_ADDRESS);return isShuffled?shuffled(left,Math.random):left}function shuffled(items,random){\n" +
  "const result=[...items];for(let i=result.length-1;i>0;i--){const j=Math.floor(random()*(i+1));[result[i],\n" +
  'result[j]]=[result[j],result[i]]}return result}var NO_OTHER_ADDRESS="the host name has no other addr\\\n' +
  'ess";function socketPath(path){return path.replace(/^@/,"\\0")}var WORDS={mainBell:0,workerBell:1,heard:2,received:3,receivedTaken:4,sent:5,sentTaken:6,state:7,command:8,\n' +
  "requestLength:9,reportLength:10,wantsRoom:11,readsOn:12,wantsToSend:13};var CONTROL_WORDS=16;var STATES={\n" +
  "starting:0,idle:1,dialling:2,open:3,encrypted:4,ended:5,failed:6,gone:7};var COMMANDS={none:0,dial:1,\n" +
  "startTls:2,close:3};var LAYOUT={request:64,report:65536,received:262144,sent:524288,ring:262144};var GONE=-1;var WorkerConnection=class{#context;#onClosed;#receivedRing;#sentRing;#backlog=[];#stream;#tcpOptions;#isPaused=false;#isWriting=false;#isClosing=false;#isClosed=false;#isRetired=false;constructor(context,request,onClosed){\n" +
  "const{memory}=context;this.#context=context;this.#onClosed=onClosed;this.#receivedRing=new Uint8Array(\n" +
  "memory,LAYOUT.received,LAYOUT.ring);this.#sentRing=new Uint8Array(memory,LAYOUT.sent,LAYOUT.ring);this.#stream=\n" +
  'new builtin.net.Socket;this.#start(request)}#start({endpoint,milliseconds}){if(endpoint.kind==="unix")\n' +
  "return this.#dial([{path:socketPath(endpoint.path)}],0);const{address,host,port,keepAlive,options}=endpoint;\n" +
  'const keepAliveInitialDelay=runtime==="deno"?options?.keepAliveIdle:void 0;this.#tcpOptions=options;\n' +
  "const until=performance.now()+milliseconds;const socket={port,noDelay:true,keepAlive,keepAliveInitialDelay};\n" +
  "const dial=hosts=>this.#dial(hosts.map(host2=>({...socket,host:host2})),until);if(address!==void 0||\n" +
  'isAddress(host))return dial([address??host]);if(runtime==="deno"){if(endpoint.tried!==void 0)return this.#context.\n' +
  'fail(new Error(NO_OTHER_ADDRESS));builtin.dns.setDefaultResultOrder("verbatim");return dial([host])}\n' +
  "resolve(host).then(hosts=>{if(!this.#isClosing)dial(addressesToDial(hosts,endpoint,String))}).catch(\n" +
  "error=>{if(!this.#isClosing)this.#context.fail(error)})}#dial(addresses,until){const[address,...others]=addresses;\n" +
  "const stream=builtin.net.connect(address);this.#stream=stream;const next=()=>{clearTimeout(timer);if(this.#isClosing)\n" +
  'return;stream.off("close",this.#end).off("connect",connected).on("error",()=>{}).destroy();this.#dial(\n' +
  'others,until)};const connected=()=>{clearTimeout(timer);if(others.length>0)stream.off("error",next).\n' +
  'on("error",this.#context.fail);this.#setOptions();this.#report(others.length)};stream.once("connect",\n' +
  'connected);this.#listen();if(others.length>0)stream.off("error",this.#context.fail).once("error",next);\n' +
  "const time=(until-performance.now())/addresses.length;const timer=others.length>0?setTimeout(next,time):\n" +
  'void 0}#setOptions(){if(this.#tcpOptions!==void 0&&runtime==="node")setKeepAlive(this.#stream,this.#tcpOptions)}#report(left){\n' +
  "const addresses=endsOf(this.#stream,left);const{fd}=this.#stream._handle??{};this.#context.report(STATES.\n" +
  "open,addresses===void 0?{}:{addresses,fd})}attend(){const{control,report}=this.#context;if(this.#backlog.\n" +
  "length>0)this.#unload();if(this.#backlog.length===0){if(this.#isPaused&&Atomics.load(control,WORDS.readsOn)!==\n" +
  "0){this.#isPaused=false;this.#stream.resume()}if(this.#isClosed)report(STATES.ended,{})}this.#write()}startTls(){\n" +
  "const{control,report,fail,requested}=this.#context;const plain=this.#stream;plain.pause();plain.off(\n" +
  '"data",this.#take).off("close",this.#end);const isClear=this.#backlog.length>0||plain.readableLength>\n' +
  "0||Atomics.load(control,WORDS.received)!==Atomics.load(control,WORDS.receivedTaken);if(isClear){fail(\n" +
  'new Error("the server sent unencrypted data behind its answer to the request for TLS"));plain.once("\\\n' +
  'close",this.#end).destroy();return}const secure=startTlsOn(plain,requested());secure.once("secureCon\\\n' +
  'nect",()=>{const{chain,...session}=tlsSessionOf(secure);report(STATES.encrypted,{session,chain:chain.\n' +
  'map(der=>Buffer.from(der).toString("base64"))})});Atomics.store(control,WORDS.readsOn,1);this.#stream=\n' +
  "secure;this.#isPaused=false;this.#listen()}close(){if(this.#isClosing)return;this.#isClosing=true;const stream=this.#stream;\n" +
  "if(stream.connecting||this.#isWriting)stream.destroy();if(this.#isClosed)return this.#retire();const timer=setTimeout(\n" +
  '()=>stream.destroy(),500);stream.once("close",()=>{clearTimeout(timer);this.#retire()})}#retire(){this.#isRetired=\n' +
  'true;this.#onClosed()}#listen(){this.#stream.on("data",this.#take).on("error",this.#context.fail).once(\n' +
  '"close",this.#end)}#take=chunk=>{if(this.#isClosing)return;const{control}=this.#context;this.#backlog.\n' +
  "push(chunk);this.#unload();if(this.#backlog.length===0&&Atomics.load(control,WORDS.readsOn)!==0){if(chunk.\n" +
  "length<SHORT_REPLY)this.#context.poll();return}this.#isPaused=true;this.#stream.pause()};#end=()=>{this.#isClosed=\n" +
  "true;const{report,wakeUp}=this.#context;if(this.#backlog.length===0)report(STATES.ended,{});wakeUp()};#write(){\n" +
  "if(this.#isWriting)return;const{control,ring}=this.#context;const tail=Atomics.load(control,WORDS.sentTaken);\n" +
  "const count=Atomics.load(control,WORDS.sent)-tail|0;if(count===0){if(this.#isClosing)this.#stream.destroySoon();\n" +
  "return}const at=tail&LAYOUT.ring-1;const piece=this.#sentRing.slice(at,Math.min(at+count,LAYOUT.ring));\n" +
  "Atomics.add(control,WORDS.sentTaken,piece.length);if(Atomics.exchange(control,WORDS.wantsToSend,0)!==\n" +
  "0)ring();this.#isWriting=true;this.#stream.write(piece,()=>{this.#isWriting=false;if(!this.#isRetired)\n" +
  "this.#write()})}#unload(){const{control,ring}=this.#context;while(this.#backlog.length>0){Atomics.store(\n" +
  "control,WORDS.wantsRoom,1);const rest=this.#store(this.#backlog[0]);if(rest.length>0){this.#backlog[0]=\n" +
  "rest;return ring()}this.#backlog.shift()}Atomics.store(control,WORDS.wantsRoom,0);ring()}#store(chunk){\n" +
  "const{control}=this.#context;const head=Atomics.load(control,WORDS.received);const room=LAYOUT.ring-\n" +
  "(head-Atomics.load(control,WORDS.receivedTaken)|0);const count=Math.min(room,chunk.length);const at=head&\n" +
  "LAYOUT.ring-1;const first=Math.min(count,LAYOUT.ring-at);this.#receivedRing.set(chunk.subarray(0,first),\n" +
  "at);this.#receivedRing.set(chunk.subarray(first,count),0);Atomics.add(control,WORDS.received,count);\n" +
  "return chunk.subarray(count)}};var SHORT_REPLY=8192;function start(main=serve){const{workerData,parentPort}=builtin.workerThreads;const{count:counter,memory}=workerData;\n" +
  "const count=new Int32Array(counter);const contexts2=new Set;const end=()=>{Atomics.store(count,0,GONE);\n" +
  "for(const{control,ring}of contexts2){Atomics.store(control,WORDS.state,STATES.gone);ring()}};process.\n" +
  'on("exit",end);const breakDown=error=>{for(const context of[...contexts2])context.breakDown(error)};\n' +
  'process.on("uncaughtException",breakDown);process.on("unhandledRejection",breakDown);const open=memory2=>{\n' +
  "const context=contextOf2(memory2,()=>{contexts2.delete(context);if(Atomics.sub(count,0,1)===1&&Atomics.\n" +
  "compareExchange(count,0,0,GONE)===0)parentPort.close()});contexts2.add(context);try{main(context)}catch(error){\n" +
  'context.fail(error)}};parentPort.on("message",open);open(memory)}function contextOf2(memory,left){const control=new Int32Array(\n' +
  "memory,0,CONTROL_WORDS);const ring=()=>{Atomics.add(control,WORDS.mainBell,1);Atomics.notify(control,\n" +
  "WORDS.mainBell)};const wakeUp=()=>{Atomics.add(control,WORDS.workerBell,1);Atomics.notify(control,WORDS.\n" +
  "workerBell)};const requested=()=>{const length=Atomics.load(control,WORDS.requestLength);return JSON.\n" +
  "parse(new TextDecoder().decode(new Uint8Array(memory,LAYOUT.request,length).slice()))};const report=(state,what)=>{\n" +
  "const now=Atomics.load(control,WORDS.state);if(now===STATES.failed||now===STATES.ended||now===STATES.\n" +
  "gone)return;const text=new TextEncoder().encode(JSON.stringify(what));if(text.length>LAYOUT.received-\n" +
  'LAYOUT.report){return report(STATES.failed,{error:"the server\'s certificates are too long"})}new Uint8Array(\n' +
  "memory,LAYOUT.report).set(text);Atomics.store(control,WORDS.reportLength,text.length);Atomics.store(\n" +
  "control,WORDS.state,state);ring()};const fail=error=>{const first=error instanceof AggregateError&&error.\n" +
  "errors.length>0?error.errors[0]:error;if(!(first instanceof Error))return report(STATES.failed,{error:String(\n" +
  "first)});report(STATES.failed,{error:first.message||first.name,code:first.code})};return{memory,control,\n" +
  "ring,wakeUp,requested,report,fail,breakDown:fail,poll:()=>{},left}}function serve(context){const{control,\n" +
  "ring,wakeUp,fail}=context;let connection;let lifeline;const leave=()=>{if(Atomics.compareExchange(control,\n" +
  "WORDS.state,STATES.idle,STATES.gone)===STATES.idle)wakeUp()};const rest=()=>{clearInterval(lifeline);\n" +
  "lifeline=setInterval(leave,IDLE_TIMEOUT);Atomics.store(control,WORDS.state,STATES.idle);ring()};context.\n" +
  "breakDown=error=>{if(connection!==void 0)fail(error);else leave()};const execute=()=>{const command=Atomics.\n" +
  "exchange(control,WORDS.command,COMMANDS.none);if(command===COMMANDS.dial){clearInterval(lifeline);lifeline=\n" +
  "setInterval(()=>{},2147483647);connection=new WorkerConnection(context,context.requested(),()=>{connection=\n" +
  "void 0;rest()})}if(command===COMMANDS.startTls)connection?.startTls();if(command===COMMANDS.close){if(connection===\n" +
  "void 0)rest();else connection.close()}connection?.attend()};const attend=seen=>{Atomics.store(control,\n" +
  "WORDS.heard,seen);try{execute()}catch(error){fail(error)}};context.poll=pollOf(control,attend);const loop=async()=>{\n" +
  "while(Atomics.load(control,WORDS.state)!==STATES.gone){const seen=Atomics.load(control,WORDS.workerBell);\n" +
  "attend(seen);const wait=Atomics.waitAsync(control,WORDS.workerBell,seen);if(wait.async)await wait.value}\n" +
  "clearInterval(lifeline);context.left()};rest();loop()}function pollOf(control,attend){let toSkip=0;return()=>{\n" +
  "if(toSkip>0)return void toSkip--;const heard=Atomics.load(control,WORDS.heard);const until=performance.\n" +
  "now()+POLL_TIME;do{for(let i=0;i<50;i++){const seen=Atomics.load(control,WORDS.workerBell);if(seen!==\n" +
  "heard)return attend(seen)}}while(performance.now()<until);toSkip=POLLS_TO_SKIP}}var POLL_TIME=.06;var POLLS_TO_SKIP=64;\n" +
  "var IDLE_TIMEOUT=1e4;";
